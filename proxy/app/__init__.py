"""Builds the program from its configuration and runs it. Nothing else chooses a database, a transport or a loop."""

from proxy.app.ask import ask
from proxy.app.runtime import Runtime, is_loopback
from proxy.app.server import Announce, run
from proxy.app.stores import gone_upstreams, open_store, signer

__all__ = ["Announce", "Runtime", "ask", "gone_upstreams", "is_loopback", "open_store", "run", "signer"]
