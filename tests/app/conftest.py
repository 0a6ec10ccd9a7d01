"""The house that the gateway's tests live in, for the composition root."""

from tests.gateway.conftest import alice, house

__all__ = ["alice", "house"]
