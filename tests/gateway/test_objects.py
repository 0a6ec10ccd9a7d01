"""Objects that upstreams name by id belong to the caller that made them, in paths and inside bodies (contract.md §5, "Isolation")."""

from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.gateway.house import Caller, House, error_of

PREFIX = {"openai": "/v1", "ark": "/api/v3"}
MODELS = {"ark": "doubao-seed-2-1-turbo", "strict": "gpt-5"}
PAIRS = [(family, upstream) for family in PREFIX for upstream in MODELS]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with one model at an upstream of each dialect."""
    folder: Path = tmp_path_factory.mktemp("objects")
    made = House(folder, ("ark", "strict"))
    models = [
        f'[[model]]\nname = "{name}"\nupstream = "{upstream}"\nupstream_model = "{name}"\n'
        for upstream, name in MODELS.items()
    ]
    made.write(tail="\n".join(models))
    with made as running:
        yield running


def respond(caller: Caller, family: str, upstream: str, **fields: object) -> httpx.Response:
    """A response of this upstream's model."""
    body = {"model": MODELS[upstream], "input": "one two", **fields}
    return caller.call("POST", PREFIX[family] + "/responses", json=body)


def same(one: httpx.Response, other: httpx.Response, family: str) -> bool:
    """Whether two refusals differ in nothing but the request they name."""
    errors = [error_of(answer, family) for answer in (one, other)]
    plain = [
        {**error, "message": error["message"].replace(answer.headers["x-request-id"], "")}
        for error, answer in zip(errors, (one, other), strict=True)
    ]
    return one.status_code == other.status_code == 404 and plain[0] == plain[1]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("family", "upstream"), PAIRS)
def test_responses_are_their_makers(
    house: House, alice: Caller, bob: Caller, family: str, upstream: str, *, stream: bool
) -> None:
    """Somebody else's response is the same 404 as an unknown one, read, deleted or continued, and nothing reaches the upstream."""
    answer = respond(alice, family, upstream, stream=stream)
    assert answer.status_code == 200, answer.text
    made = answer.text.partition('"id":"resp')[2].partition('"')[0]
    made_id = "resp" + made
    sent = len(house.sims[upstream].requests())
    base = f"{PREFIX[family]}/responses/"
    for method in ("GET", "DELETE"):
        assert same(bob.call(method, base + made_id), bob.call(method, base + "resp_nobody"), family)
    theirs = respond(bob, family, upstream, previous_response_id=made_id)
    assert same(theirs, respond(bob, family, upstream, previous_response_id="resp_nobody"), family)
    assert len(house.sims[upstream].requests()) == sent
    assert respond(alice, family, upstream, previous_response_id=made_id).status_code == 200
    assert alice.call("GET", base + made_id).status_code == 200
    assert alice.call("DELETE", base + made_id).status_code == 200
    assert alice.call("GET", base + made_id).status_code == 404
