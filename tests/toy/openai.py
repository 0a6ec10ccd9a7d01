"""The toy in the dialect openai."""

from proxy.model import Dialect

from . import Inbound, Outbound

INBOUND = Inbound(Dialect.OPENAI)
OUTBOUND = Outbound(Dialect.OPENAI)
