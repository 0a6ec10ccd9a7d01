"""The house that the gateway's tests live in, for the web side."""

from tests.gateway.conftest import alice, bob, house

__all__ = ["alice", "bob", "house"]
