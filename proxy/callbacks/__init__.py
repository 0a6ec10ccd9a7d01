"""Tells callers what became of their tasks: signs, sends, tries again (contract.md §7, "Callbacks"). It never follows a redirect."""

from proxy.callbacks.event import Event, event_of
from proxy.callbacks.sender import Sender

__all__ = ["Event", "Sender", "event_of"]
