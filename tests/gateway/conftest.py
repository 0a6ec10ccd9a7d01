"""One house for the tests of a file: a gateway, and a simulator of every upstream profile."""

from collections.abc import Iterator

import pytest

from tests.gateway.house import Caller, House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The house of this file."""
    with House(tmp_path_factory.mktemp("house")) as running:
        yield running


@pytest.fixture
def alice(house: House) -> Caller:
    """A caller."""
    return house.caller("alice")


@pytest.fixture
def bob(house: House) -> Caller:
    """Another caller."""
    return house.caller("bob")
