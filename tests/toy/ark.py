"""The toy in the dialect ark."""

from proxy.model import Dialect

from . import Inbound, Outbound

INBOUND = Inbound(Dialect.ARK)
OUTBOUND = Outbound(Dialect.ARK)
