"""Lists of files: page by page from our own table, the caller's own only, with what may have changed looked up."""

from collections.abc import Iterator
from typing import Any

import pytest

from proxy.gateway.listing import ASKED
from tests.gateway.house import Caller, House, error_of

FILES = {"openai": "/v1/files", "ark": "/api/v3/files"}

every_family = pytest.mark.parametrize("family", FILES)


@pytest.fixture(scope="module", params=["ark", "strict"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with one upstream that has files."""
    with House(tmp_path_factory.mktemp("home"), (request.param,)) as running:
        yield running


def looks(home: House) -> int:
    """How many single files the upstream was asked for."""
    (sim,) = home.sims.values()
    return len([one for one in sim.requests("GET") if "/files/" in one["path"]])


def made(caller: Caller, purpose: str = "user_data") -> str:
    """A new file's id."""
    answer = caller.call("POST", "/v1/files", files={"file": b"x"}, data={"purpose": purpose})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def ids(caller: Caller, family: str, **query: object) -> list[str]:
    """The ids of one page."""
    return [str(one["id"]) for one in page(caller, family, **query)["data"]]


def page(caller: Caller, family: str, **query: object) -> dict[str, Any]:
    """One page, after a look at its ends."""
    answer = caller.call("GET", FILES[family], params=query)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert isinstance(shown, dict)
    found = [one["id"] for one in shown["data"]]
    nobody = None if family == "openai" else ""
    assert (shown["first_id"], shown["last_id"]) == ((found[0], found[-1]) if found else (nobody, nobody))
    return shown


@every_family
def test_pages(home: House, family: str) -> None:
    """Pages of any length, in either order, hold every file of the caller once, and nobody else's."""
    dana = home.caller(f"dana-{family}")
    wanted = []
    for _ in range(5):
        wanted.append(made(dana))
        made(home.caller("bob"))
        home.clock.offset += 0.01
    for order, ordered in (("asc", wanted), ("desc", wanted[::-1])):
        for limit in (1, 2, 5, 6):
            seen: list[str] = []
            more = True
            while more:
                after = {"after": seen[-1]} if seen else {}
                shown = page(dana, family, limit=limit, order=order, **after)
                seen += [one["id"] for one in shown["data"]]
                more = shown["has_more"]
            assert seen == ordered
    assert ids(dana, family) == wanted[::-1]


@every_family
def test_nothing(home: House, family: str) -> None:
    """Who has no files has an empty list, and no upstream is asked for it."""
    before = looks(home)
    assert page(home.caller("nobody"), family)["has_more"] is False
    assert ids(home.caller("nobody"), family, after="file-x") == []
    assert looks(home) == before


@every_family
def test_queries_that_cannot_be_answered(home: House, family: str) -> None:
    """A parameter that makes no sense is refused by name."""
    for name, value in (("limit", "0"), ("limit", "x"), ("limit", "20000"), ("order", "up")):
        answer = home.caller("nobody").call("GET", FILES[family], params={name: value})
        assert (answer.status_code, error_of(answer, family)["param"]) == (400, name)


def test_purposes(home: House) -> None:
    """A list by purpose finds files by the word that the caller used, and by the one that the upstream has."""
    erin = home.caller("erin")
    own, batch = made(erin), made(erin, "batch")
    (name,) = home.sims
    assert ids(erin, "openai", purpose="batch") == ([batch, own] if name == "ark" else [batch])
    assert ids(erin, "openai", purpose="user_data") == ([batch, own] if name == "ark" else [own])
    assert ids(erin, "ark", purpose="agent") == ([] if name == "ark" else [own])


def test_only_what_may_have_changed_is_looked_up(home: House) -> None:
    """Files in progress are asked for at the upstream, those that are done never again; one list asks for a few at the most."""
    frank = home.caller("frank")
    for _ in range(ASKED + 3):
        made(frank)
    home.advance(5)
    before = looks(home)
    assert [one["status"] for one in page(frank, "openai")["data"]].count("processed") == ASKED
    assert looks(home) == before + ASKED
    assert [one["status"] for one in page(frank, "openai")["data"]].count("processed") == ASKED + 3
    assert looks(home) == before + ASKED + 3
    page(frank, "ark")
    assert looks(home) == before + ASKED + 3


def test_trouble_is_no_reason_to_fail(home: House) -> None:
    """Where the upstream cannot say how a file is, the list shows it as it was seen last."""
    grace = home.caller("grace")
    made(grace)
    home.advance(5)
    (sim,) = home.sims.values()
    for kind in ("break", "500-before", "empty-404"):
        sim.fault("GET .*/files/.*", kind)
        assert [one["status"] for one in page(grace, "openai")["data"]] == ["uploaded"]
    assert [one["status"] for one in page(grace, "openai")["data"]] == ["processed"]


def test_what_vanishes_leaves_no_hole(home: House) -> None:
    """Files that the upstream has forgotten are left out, and a page is full as long as there are others."""
    henry = home.caller("henry")
    kept = made(henry)
    for _ in range(3):
        made(henry)
        home.clock.offset += 0.01
    home.rows("UPDATE objects SET id = 'gone-' || id WHERE caller = 'henry' AND id <> ?", kept)
    shown = page(henry, "openai", limit=1)
    assert ([one["id"] for one in shown["data"]], shown["has_more"]) == ([kept], False)
    assert home.rows("SELECT id FROM objects WHERE caller = 'henry'") == [(kept,)]


def test_an_upstream_that_is_gone(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Files of an upstream that is not configured any more are not shown: nobody could read them."""
    with House(tmp_path_factory.mktemp("house"), ("ark",)) as house:
        alice = house.caller()
        made(alice)
        house.rows("UPDATE objects SET upstream = 'elsewhere'")
        assert ids(alice, "openai") == []
        assert house.rows("SELECT COUNT(*) FROM objects") == [(1,)]
