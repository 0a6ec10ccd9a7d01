"""The table of families as a whole: names, routes and codecs fit together."""

from collections import Counter

import pytest

from proxy.model import Dialect, Profile
from proxy.translate.family import Family
from proxy.translate.operation import Kind, Operation
from proxy.translate.registry import FAMILIES

TASK_KINDS = {Kind.CREATE_TASK, Kind.READ_TASK, Kind.LIST_TASKS, Kind.CANCEL_TASK, Kind.CONTENT}
OPERATIONS = [(family, operation) for family in FAMILIES for operation in family.operations]


def test_names_are_unique() -> None:
    """No two families and no two operations have the same name."""
    assert [name for name, count in Counter(family.name for family in FAMILIES).items() if count > 1] == []
    assert [name for name, count in Counter(operation.name for _, operation in OPERATIONS).items() if count > 1] == []


def test_routes_are_unique() -> None:
    """No two operations want the same method of the same path in one dialect."""
    wanted = Counter(
        (dialect, method, path)
        for _, operation in OPERATIONS
        for dialect, routes in operation.routes.items()
        for method, path in routes
    )
    assert [route for route, count in wanted.items() if count > 1] == []


@pytest.mark.parametrize(("family", "operation"), OPERATIONS, ids=[operation.name for _, operation in OPERATIONS])
def test_every_route_has_its_codec(family: Family, operation: Operation) -> None:
    """Each dialect that has a route for an operation has an inbound codec for it, and the family's name is the operation's."""
    assert operation.family == family.name
    if operation.kind in TASK_KINDS:
        assert set(operation.routes) <= set(family.inbound)
    elif family.files is None:
        assert set(operation.routes) <= set(family.calls[operation.verb].inbound)


def test_videos_go_to_every_upstream() -> None:
    """The task family has an outbound codec for Ark and for each profile of the dialect openai."""
    videos = next(family for family in FAMILIES if family.name == "videos")
    assert set(videos.outbound) == {(Dialect.ARK, Profile.STRICT)} | {(Dialect.OPENAI, profile) for profile in Profile}
