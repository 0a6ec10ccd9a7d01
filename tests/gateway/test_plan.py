"""What a create will buy and where: everything that cannot be bought is refused before a row is written or a byte is sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.gateway.house import FAMILIES, TASKS, Caller, House, body, error_of
from tests.support import wire

DAY = 86400
CALLBACK = "http://127.0.0.1:9/called"
OUTSIDE = "http://localhost:9"
"""Where a house says that it can be reached; nothing listens there."""


def change(caller: Caller, verb: str, task_id: str, **more: object) -> httpx.Response:
    """The answer to a remix, an edit or an extension of a task."""
    if verb == "remix":
        return caller.call("POST", f"/v1/videos/{task_id}/remix", json={"prompt": "rain", **more})
    own: dict[str, object] = {"prompt": "rain", "video": {"id": task_id}, **more}
    if verb == "extensions":
        own["seconds"] = "8"
    return caller.call("POST", f"/v1/videos/{verb}", json=own)


VERBS = ("remix", "edits", "extensions")


def last(house: House, upstream: str) -> dict[str, Any]:
    """The fields of the last POST that this upstream got."""
    return wire.fields(house.sims[upstream].requests("POST")[-1])


def untouched(house: House, upstream: str) -> tuple[object, ...]:
    """What a refused create must leave as it is."""
    return house.count(), len(house.sims[upstream].requests("POST"))


def check_refused(answer: httpx.Response, status: int, code: str, param: str | None) -> None:
    """The answer is this refusal."""
    error = error_of(answer, "openai")
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param), answer.text


@pytest.mark.parametrize("upstream", ["ark", "newapi", "strict"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_change_is_a_task_of_its_own(house: House, alice: Caller, upstream: str, verb: str) -> None:
    """A change is bought at the source's upstream under the source's model, and its row says where it came from."""
    source = house.finished(upstream)
    answer = change(alice, verb, source)
    assert answer.status_code == 200, answer.text
    made = house.record(answer.json()["id"])
    origin = house.record(source)
    assert made is not None
    assert origin is not None
    assert (made.upstream, made.request_model, made.original_model) == (
        upstream,
        origin.request_model,
        origin.original_model,
    )
    assert (made.request["remixed_from"], made.request["has_video_input"]) == (source, True)
    assert answer.json()["remixed_from_video_id"] == source
    assert made.operation.startswith("videos.")
    if upstream != "strict":
        told = answer.headers.get_list("x-arkbridge-warning")
        assert [one.split(";")[0] for one in told] == (["seconds"] if verb == "extensions" else [])


@pytest.mark.parametrize("verb", VERBS)
def test_the_model_of_the_source_stays(house: House, alice: Caller, verb: str) -> None:
    """A change goes to the model that made the source; one named in the body is named in a warning and not sent."""
    source = house.finished("ark")
    answer = change(alice, verb, source, model="strict-video")
    assert answer.headers.get_list("x-arkbridge-warning")[0].startswith("model; not sent")
    assert last(house, "ark")["model"] == "doubao-seedance-2-0-fast-260128"
    assert answer.json()["model"] == "fast"


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", ["queued", "running", "failed"])
def test_a_source_that_has_not_succeeded(house: House, alice: Caller, verb: str, state: str) -> None:
    """A source without a video is a 400 that names it as the caller did, and nothing is bought."""
    source = alice.create("ark")
    if state != "queued":
        house.end("ark", source, state)
        alice.get(source)
    before = untouched(house, "ark")
    check_refused(change(alice, verb, source), 400, "invalid_value", "id" if verb == "remix" else "video")
    assert untouched(house, "ark") == before


@pytest.mark.parametrize("verb", VERBS)
def test_a_source_that_ended_unseen(house: House, alice: Caller, verb: str) -> None:
    """A source whose end nobody has seen yet is read first, so that it can be changed at once."""
    source = alice.create("ark")
    house.end("ark", source)
    assert change(alice, verb, source).status_code == 200


@pytest.mark.parametrize("verb", VERBS)
def test_somebody_elses_source(house: House, bob: Caller, verb: str) -> None:
    """Somebody else's video is the same 404 as an unknown one."""
    source = house.finished("ark")
    before = untouched(house, "ark")
    param = "id" if verb == "remix" else "video"
    for task_id in (source, "cgt-unknown"):
        check_refused(change(bob, verb, task_id), 404, "video_not_found", param)
    assert untouched(house, "ark") == before


def test_a_deleted_source(house: House, alice: Caller) -> None:
    """A deleted video cannot be changed."""
    source = house.finished("ark")
    assert alice.call("DELETE", f"/v1/videos/{source}").status_code == 200
    check_refused(change(alice, "remix", source), 404, "video_not_found", "id")


@pytest.mark.parametrize("upstream", ["ark", "newapi"])
def test_a_source_whose_link_is_dead(house: House, alice: Caller, upstream: str) -> None:
    """After the upstream's 24 hours the source is a 410, and nothing is bought that could only fail (openai-wire.md §5.9)."""
    source = house.finished(upstream)
    before = untouched(house, upstream)
    house.advance(DAY + 60)
    for verb in VERBS:
        check_refused(change(alice, verb, source), 410, "video_expired", "id" if verb == "remix" else "video")
    assert untouched(house, upstream) == before


def test_a_link_that_needs_our_key(house: House, alice: Caller) -> None:
    """Where results come by our own route and nobody outside can reach us, there is no link that the upstream could fetch."""
    source = house.finished("rc30")
    before = untouched(house, "rc30")
    check_refused(change(alice, "remix", source), 410, "video_expired", "id")
    assert untouched(house, "rc30") == before


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("upstream", ["vllm-omni", "sglang"])
def test_upstreams_that_cannot(house: House, alice: Caller, verb: str, upstream: str) -> None:
    """An upstream without these routes is a 400 by code."""
    source = house.finished(upstream)
    before = untouched(house, upstream)
    check_refused(change(alice, verb, source), 400, "unsupported_operation", None)
    assert untouched(house, upstream) == before


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "url", [CALLBACK, "http://[::1]/x", "http://2130706433/", "http://169.254.169.254/", "ftp://x/"]
)
def test_a_forbidden_callback(house: House, alice: Caller, family: str, url: str) -> None:
    """A callback that we would never send is a 400 at once, that names the field and the key that would allow it."""
    before = untouched(house, "ark")
    answer = alice.call("POST", TASKS[family], json=body("ark", family, callback_url=url))
    error = error_of(answer, family)
    assert (answer.status_code, error["param"]) == (400, "callback_url")
    assert "callbacks.allow_private" in error["message"]
    assert untouched(house, "ark") == before


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("upstream", ["ark", "strict", "newapi"])
def test_a_forbidden_callback_of_a_change(house: House, alice: Caller, verb: str, upstream: str) -> None:
    """The same for a change."""
    source = house.finished(upstream)
    before = untouched(house, upstream)
    check_refused(change(alice, verb, source, callback_url=CALLBACK), 400, "invalid_value", "callback_url")
    assert untouched(house, upstream) == before


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that the outside can reach, that may call private addresses and keeps results and no prompts."""
    settings = f'public_url = "{OUTSIDE}"'
    with House(tmp_path_factory.mktemp("reached"), ("ark", "strict", "newapi", "rc30"), settings) as running:
        running.gateway.stop()
        tail = '[callbacks]\nallow_private = true\n[video]\narchive = "local"\nkeep_prompts = false\n'
        running.write(settings, tail=tail)
        running.restart()
        yield running


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("upstream", ["ark", "strict", "newapi"])
def test_the_callers_callback_of_a_change(reached: House, verb: str, upstream: str) -> None:
    """A change's callback address is remembered and never sent on; where the upstream takes one it gets ours."""
    alice = reached.caller("alice")
    source = reached.finished(upstream)
    made = reached.record(change(alice, verb, source, callback_url=CALLBACK).json()["id"])
    assert made is not None
    assert made.request["callback_url"] == CALLBACK
    fields = last(reached, upstream)
    assert CALLBACK not in str(fields)
    told = {"ark": fields, "newapi": fields.get("metadata", {}), "strict": {}}[upstream].get("callback_url", "")
    assert told.startswith(f"{OUTSIDE}/callbacks/") or upstream == "strict"


def test_prompts_are_not_kept(reached: House) -> None:
    """Where prompts are not kept, neither a create nor a change keeps one."""
    alice = reached.caller("alice")
    source = reached.finished("ark")
    for task_id in (source, change(alice, "remix", source).json()["id"]):
        record = reached.record(task_id)
        assert record is not None
        assert "prompt" not in record.request


def test_our_link_for_a_source(reached: House) -> None:
    """Where the outside can reach us, a result that comes by our route has a link of ours that the upstream can fetch."""
    alice = reached.caller("alice")
    source = reached.finished("rc30")
    assert change(alice, "remix", source).status_code == 200
    (item,) = [one for one in last(reached, "rc30")["metadata"]["content"] if one["type"] == "video_url"]
    link = item["video_url"]["url"]
    assert link.startswith(f"{OUTSIDE}/v1/videos/{source}/content?exp=")
    path = link.removeprefix(OUTSIDE)
    assert httpx.get(reached.gateway.url + path, trust_env=False).content[4:8] == b"ftyp"


def test_an_archived_source(reached: House) -> None:
    """After the upstream's 24 hours an archived source can still be changed, by our link to the copy."""
    alice = reached.caller("alice")
    source = reached.finished("ark")
    keeper = reached.gateway.services.archive
    record = reached.record(source)
    assert keeper is not None
    assert record is not None
    reached.gateway.do(keeper.keep_now(record))
    reached.advance(DAY + 60)
    assert change(alice, "edits", source).status_code == 200
    (item,) = [one for one in last(reached, "ark")["content"] if one["type"] == "video_url"]
    assert item["video_url"]["url"].startswith(f"{OUTSIDE}/v1/videos/{source}/content?exp=")


@pytest.mark.parametrize("gone", ["retired", "removed"])
def test_an_upstream_that_takes_no_new_work(tmp_path: Path, gone: str) -> None:
    """A source whose upstream is retired, or not configured any more, is a 400 by code: nothing can be bought there."""
    with House(tmp_path, ("ark", "strict")) as house:
        source = house.finished("ark")
        take_away(house.file, gone)
        house.restart()
        for verb in VERBS:
            check_refused(change(house.caller("alice"), verb, source), 400, "unsupported_operation", None)


def take_away(file: Path, how: str) -> None:
    """Retire the upstream `ark` in a configuration, or remove it with its model."""
    head, *tables = file.read_text().split("[[upstream]]")
    ark = next(table for table in tables if 'name = "ark"' in table)
    others = [table for table in tables if table is not ark]
    kept = [*others, ark.replace("[[model]]", "retired = true\n[[model]]")] if how == "retired" else others
    file.write_text(
        "[[upstream]]".join([head, *kept]).replace('[models]\npassthrough = ""', "") + '\n[models]\npassthrough = ""\n'
    )
