"""What the family shares: which upstreams have files, and when what we know of one still holds."""

import pytest

from proxy.model import Dialect, Profile, Upstream
from proxy.translate.files import has_files, settled
from proxy.translate.files.family import FAMILY
from proxy.translate.operation import Kind


@pytest.mark.parametrize(
    ("dialect", "profile", "has"),
    [
        (Dialect.ARK, Profile.STRICT, True),
        *((Dialect.OPENAI, profile, profile is Profile.STRICT) for profile in Profile),
    ],
)
def test_upstreams_with_files(dialect: Dialect, profile: Profile, *, has: bool) -> None:
    """Ark and OpenAI have files, the video servers that speak OpenAI's dialect have none."""
    assert has_files(Upstream(name="u", dialect=dialect, base_url="http://x", profile=profile)) is has


@pytest.mark.parametrize(
    ("fields", "holds"),
    [
        ({"status": "processed"}, True),
        ({"status": "error", "expires_at": None}, True),
        ({"status": "processed", "expires_at": 11}, True),
        ({"status": "processed", "expires_at": 10}, False),
        ({"status": "uploaded"}, False),
        ({}, False),
    ],
)
def test_settled(fields: dict[str, object], *, holds: bool) -> None:
    """A file in progress, and one whose time is over, may have changed since it was seen."""
    assert settled(fields, 10) is holds


def test_operations() -> None:
    """Both families have the same routes, but for the bytes, which are OpenAI's; a file costs nothing."""
    routes = {operation.verb: set(operation.routes) for operation in FAMILY.operations}
    assert routes.pop("content") == {Dialect.OPENAI}
    assert all(dialects == set(Dialect) for dialects in routes.values())
    assert all(operation.free for operation in FAMILY.operations)
    unary = {operation.verb for operation in FAMILY.operations if operation.kind is Kind.UNARY}
    assert unary == set(FAMILY.calls)
