"""Builds the program from its configuration and runs it. Nothing else chooses a database, a transport or a loop."""

from proxy.app.runtime import Runtime, is_loopback, open_store
from proxy.app.server import Announce, run

__all__ = ["Announce", "Runtime", "is_loopback", "open_store", "run"]
