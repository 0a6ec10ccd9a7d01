"""Calls that are answered at once, through the real gateway over real simulators of both dialects, by callers of both families."""

import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from proxy.gateway.calls import Calls
from proxy.model import Dialect, LedgerRow
from proxy.translate.calls import CallRequest, Received
from proxy.translate.multipart import read_body
from proxy.upstream.breaker import FAILURES, PAUSES, Blame, Breaker
from tests.gateway.house import UPSTREAM_KEY, Caller, House, Sim, error_of
from tests.support import wire
from tests.support.servers import until

SECOND_KEY = "second-upstream-canary-0123"
PREFIX = {"openai": "/v1", "ark": "/api/v3"}
# upstream: (what callers say, what is sent)
CHAT_MODELS = {"ark": ("pen", "doubao-seed-2-1-turbo"), "strict": ("quill", "gpt-5")}
PAIRS = [(family, upstream) for family in PREFIX for upstream in CHAT_MODELS]
SAME = [("ark", "ark"), ("openai", "strict")]
COUNTED = "hello there big world [[sim:prompt-tokens=11]][[sim:completion-tokens=7]]"


def open_house(folder: Path) -> House:
    """A house with models of every call family, an upstream with two keys, and one that nobody listens for."""
    second = folder / "second-key"
    second.write_text(SECOND_KEY)
    second.chmod(0o600)
    house = House(folder, ("ark", "strict"))
    ark = house.sims["ark"].base_url
    keys = f'api_keys = [{{ env = "HOUSE_KEY" }}, {{ file = "{second}" }}]'
    models = {
        "doubao-seed-2-1-turbo": [("ark", "doubao-seed-2-1-turbo", 1)],
        "gpt-5": [("strict", "gpt-5", 1)],
        "brush": [("ark", "doubao-seedream-4-0-250828", 1)],
        "paint": [("strict", "gpt-image-1", 1)],
        "vectors": [("ark", "doubao-embedding-text-240715", 1)],
        "numbers": [("strict", "text-embedding-3-small", 1)],
        "keyed": [("keyed", "doubao-seed-2-1-turbo", 1)],
        "mostly-dead": [("dead", "gone", 1000), ("strict", "gpt-5", 1)],
        "mostly-strict": [("strict", "gpt-5", 1000), ("ark", "doubao-seed-2-1-turbo", 1)],
        **{name: [(upstream, sent, 1)] for upstream, (name, sent) in CHAT_MODELS.items()},
    }
    tables = [
        f'[[upstream]]\nname = "keyed"\ndialect = "ark"\nbase_url = "{ark}"\n{keys}\n',
        '[[upstream]]\nname = "dead"\ndialect = "openai"\nbase_url = "http://127.0.0.1:9/v1"\napi_key = { env = "HOUSE_KEY" }\n',
    ]
    for name, routes in models.items():
        listed = ", ".join(
            f'{{ upstream = "{upstream}", upstream_model = "{sent}", weight = {weight} }}'
            for upstream, sent, weight in routes
        )
        tables.append(f'[[model]]\nname = "{name}"\nroutes = [{listed}]\n')
    house.write(tail="\n".join(tables))
    return house


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The house of most tests here."""
    with open_house(tmp_path_factory.mktemp("calls")) as running:
        yield running


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[House]:
    """A house whose breakers and retry budget nobody has used."""
    with open_house(tmp_path) as running:
        yield running


def said(model: str, content: str = COUNTED, **fields: object) -> dict[str, object]:
    """The body of a chat call."""
    return {"model": model, "messages": [{"role": "user", "content": content}], **fields}


def chat(caller: Caller, family: str, body: object, **request: Any) -> httpx.Response:
    """A chat call, read to its end."""
    return caller.call("POST", PREFIX[family] + "/chat/completions", json=body, **request)


def row_of(house: House, request_id: str) -> LedgerRow:
    """The one row of a call."""
    found = [row for row in house.ledger() if row.request_id == request_id]
    assert len(found) == 1
    return found[0]


def data_of(body: bytes) -> list[Any]:
    """The data of a stream's events, JSON where it is JSON."""
    lines = [line[6:] for line in body.decode().splitlines() if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def last_sent(sim: Sim, path: str = "/chat/completions") -> dict[str, Any]:
    """The newest request of a path that a simulator recorded."""
    return sim.requests("POST", path)[-1]


def counts(sim: Sim) -> dict[str, int]:
    """The simulator's counts of streams."""
    read = sim.control("GET", "counts")
    return {name: int(read.get(name, 0)) for name in ("streams_open", "streams_left", "streams_cut", "streams_whole")}


@pytest.mark.parametrize(("family", "upstream"), PAIRS)
def test_a_whole_chat(house: House, alice: Caller, family: str, upstream: str) -> None:
    """The answer carries the caller's model name, and its row says who asked whom for what, with the tokens that were told."""
    name, sent = CHAT_MODELS[upstream]
    answer = chat(alice, family, said(name))
    assert answer.status_code == 200, answer.text
    read = answer.json()
    assert read["model"] == name
    assert read["choices"][0]["message"]["content"] == "hello there big world"
    assert answer.headers["x-arkbridge-total-tokens"] == "18"
    row = row_of(house, answer.headers["x-request-id"])
    assert (row.kind, row.family, row.caller, row.upstream, row.dialect) == ("call", "chat", "alice", upstream, family)
    assert (row.original_model, row.request_model, row.response_model) == (name, sent, sent)
    assert (row.input_tokens, row.output_tokens, row.total_tokens) == (11, 7, 18)
    assert (row.status, row.error_code, row.measured, row.stream) == ("succeeded", None, "measured", False)


@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize(("family", "upstream"), PAIRS)
def test_a_streamed_chat(house: House, alice: Caller, family: str, upstream: str, *, asks: bool) -> None:
    """The usage is always asked for upstream, shown only to a caller who asked, and in the row either way."""
    name, sent = CHAT_MODELS[upstream]
    body = said(name, stream=True) | ({"stream_options": {"include_usage": True}} if asks else {})
    answer = chat(alice, family, body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    *events, last = data_of(answer.content)
    assert last == "[DONE]"
    assert {event["model"] for event in events} == {name}
    text = "".join(event["choices"][0]["delta"].get("content") or "" for event in events if event["choices"])
    assert text == "hello there big world"
    usages = [event["usage"] for event in events if event.get("usage")]
    assert [usage["total_tokens"] for usage in usages] == ([18] if asks else [])
    assert wire.fields(last_sent(house.sims[upstream]))["stream_options"]["include_usage"] is True
    row = row_of(house, answer.headers["x-request-id"])
    assert (row.input_tokens, row.output_tokens, row.total_tokens) == (11, 7, 18)
    assert (row.status, row.measured, row.stream, row.response_model) == ("succeeded", "measured", True, sent)
    assert 0 < (row.first_byte_ms or 0) <= (row.total_ms or 0)


@pytest.mark.parametrize(("family", "upstream"), SAME)
def test_the_same_bytes(house: House, alice: Caller, family: str, upstream: str) -> None:
    """Between equal dialects an answer and a request are the same bytes but for the model's name."""
    name, sent = CHAT_MODELS[upstream]
    body = '{ "id":"x", "choices" : [],"odd":1.50e+2, "model" :"NAME","usage":{"total_tokens":3},"more":{"model":"m"}}'
    asked = '{"messages" :[{"role":"user","content":"h\\u00e9"}], "model":"NAME" ,"odd":[1.0, null]}'
    match = f"POST {PREFIX[family]}/chat/completions"
    for ours, theirs in ((name, sent), (sent, sent)):
        json_type = {"content-type": "application/json"}
        house.sims[upstream].fault(match, "answer", status=200, headers=json_type, body=body.replace("NAME", theirs))
        path, content = PREFIX[family] + "/chat/completions", asked.replace("NAME", ours)
        answer = alice.call("POST", path, content=content, headers=json_type)
        assert answer.text == body.replace("NAME", ours)
        assert wire.body(last_sent(house.sims[upstream])).decode() == asked.replace("NAME", theirs)


@pytest.mark.parametrize(("family", "upstream"), SAME)
def test_the_same_stream(house: House, alice: Caller, family: str, upstream: str) -> None:
    """Between equal dialects a stream is the same bytes but for the model's name, comments and line ends included."""
    name, sent = CHAT_MODELS[upstream]
    lines = [
        ": hello\n",
        'data:{ "choices":[{"index":0, "delta":{"content":"a"}}] ,"model": "NAME"}\n',
        'id: 7\r\ndata: {"choices":[],"model":"NAME","usage":{"total_tokens":3,"prompt_tokens":2,"completion_tokens":1}}\n',
        "data: [DONE]\n\n",
    ]
    stream = "\n".join(lines)
    event_type = {"content-type": "text/event-stream"}
    match = f"POST {PREFIX[family]}/chat/completions"
    house.sims[upstream].fault(match, "answer", status=200, headers=event_type, body=stream.replace("NAME", sent))
    answer = chat(alice, family, said(name, stream=True, stream_options={"include_usage": True}))
    assert answer.text == stream.replace("NAME", name)
    assert row_of(house, answer.headers["x-request-id"]).total_tokens == 3


@pytest.mark.parametrize("manner", ["gzip", "crlf", "comments", "tight", "split=3,1,7", "unterminated"])
@pytest.mark.parametrize("upstream", CHAT_MODELS)
def test_streams_in_other_forms(house: House, alice: Caller, upstream: str, manner: str) -> None:
    """A stream that is compressed, or written otherwise, loses neither text nor usage."""
    answer = chat(alice, "openai", said(CHAT_MODELS[upstream][0], f"{COUNTED}[[sim:{manner}]]", stream=True))
    assert "content-encoding" not in answer.headers
    lines = [line[5:].strip() for line in answer.text.splitlines() if line.startswith("data:")]
    events = [json.loads(line) for line in lines if line != "[DONE]"]
    text = "".join(event["choices"][0]["delta"].get("content") or "" for event in events if event["choices"])
    assert text == "hello there big world"
    assert lines[-1] == "[DONE]"
    row = row_of(house, answer.headers["x-request-id"])
    assert (row.status, row.total_tokens, row.measured) == ("succeeded", 18, "measured")


@pytest.mark.parametrize(("family", "upstream"), PAIRS)
def test_the_first_event_does_not_wait(house: House, alice: Caller, family: str, upstream: str) -> None:
    """The first event is with the caller before the second is sent, and a caller who leaves then closes the upstream and leaves a row."""
    sim, before = house.sims[upstream], counts(house.sims[upstream])
    body = said(CHAT_MODELS[upstream][0], "one two three four [[sim:delay=20]]", stream=True)
    url = house.gateway.url + PREFIX[family] + "/chat/completions"
    with alice.http.stream("POST", url, json=body) as answer:
        chunks = answer.iter_bytes()  # kept: an iterator that is let go of closes the connection
        assert b'"choices"' in next(chunks)
        assert counts(sim)["streams_open"] == before["streams_open"] + 1
    left = time.monotonic()
    until(lambda: counts(sim)["streams_left"], lambda gone: gone == before["streams_left"] + 1, 3.0)
    assert time.monotonic() - left < 1.0
    request_id = answer.headers["x-request-id"]
    until(lambda: [row for row in house.ledger() if row.request_id == request_id], bool, 3.0)
    row = row_of(house, request_id)
    assert (row.status, row.stream, row.measured) == ("cancelled", True, "estimated")
    assert row.input_tokens
    assert row.first_byte_ms is not None


def test_who_leaves_after_the_usage(house: House, alice: Caller) -> None:
    """A caller who leaves after the usage has come leaves a measured row."""
    body = said("quill", "one two [[sim:usage=each]][[sim:delay=0.2]][[sim:words=100]]", stream=True)
    url = house.gateway.url + "/v1/chat/completions"
    with alice.http.stream("POST", url, json=body) as answer:
        next(answer.iter_bytes())
    request_id = answer.headers["x-request-id"]
    until(lambda: [row for row in house.ledger() if row.request_id == request_id], bool, 3.0)
    row = row_of(house, request_id)
    assert (row.status, row.measured) == ("cancelled", "measured")


@pytest.mark.parametrize("status", [400, 404, 422, 500, 502])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("family", "upstream"), SAME)
def test_refusals_before_the_stream(
    house: House, alice: Caller, family: str, upstream: str, status: int, *, stream: bool
) -> None:
    """An upstream's refusal is a normal error in the caller's envelope, is asked for once, and is no row of success."""
    sim = house.sims[upstream]
    before = len(sim.requests("POST", "/chat/completions"))
    text = json.dumps({"error": {"message": "odd", "type": "t", "param": None, "code": "OddThing"}})
    json_type = {"content-type": "application/json"}
    sim.fault("POST .*", "answer", status=status, headers=json_type, body=text)
    answer = chat(alice, family, said(CHAT_MODELS[upstream][0], stream=stream))
    assert answer.status_code >= 400
    assert (answer.status_code >= 500) == (status >= 500)
    error_of(answer, family)
    assert len(sim.requests("POST", "/chat/completions")) == before + 1
    request_id = answer.headers["x-request-id"]
    assert not [row for row in house.ledger() if (row.request_id, row.status) == (request_id, "succeeded")]


@pytest.mark.parametrize("cut", ["stream-error=2", "stream-break=2", "stream-tear=2"])
@pytest.mark.parametrize(("family", "upstream"), PAIRS)
def test_a_stream_that_goes_wrong(house: House, alice: Caller, family: str, upstream: str, cut: str) -> None:
    """An error inside a stream, or a connection that breaks, ends in an error event without `[DONE]` and in a failed row."""
    body = said(CHAT_MODELS[upstream][0], f"one two three four [[sim:{cut}]]", stream=True)
    answer = chat(alice, family, body)
    assert answer.status_code == 200
    events = data_of(answer.content)
    assert "[DONE]" not in events
    assert events[-1]["error"]["message"]
    assert UPSTREAM_KEY not in answer.text
    row = row_of(house, answer.headers["x-request-id"])
    assert (row.status, row.stream, row.measured) == ("failed", True, "estimated")
    assert row.error_code
    assert row.output_tokens


@pytest.mark.parametrize(("family", "upstream"), PAIRS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_responses_call(house: House, alice: Caller, family: str, upstream: str, *, stream: bool) -> None:
    """A response is counted by what its final event or its body says, and is the caller's own afterwards."""
    name, _ = CHAT_MODELS[upstream]
    body = {"model": name, "input": "one two three", "stream": stream}
    answer = alice.call("POST", PREFIX[family] + "/responses", json=body)
    assert answer.status_code == 200, answer.text
    read = (
        answer.json() if not stream else next(e for e in data_of(answer.content) if e["type"] == "response.completed")
    )
    made = read["response"] if stream else read
    assert made["model"] == name
    row = row_of(house, answer.headers["x-request-id"])
    assert (row.family, row.status, row.stream) == ("responses", "succeeded", stream)
    usage = made["usage"]
    counted = (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"])
    assert (row.input_tokens, row.output_tokens, row.total_tokens) == counted
    rows = len(house.ledger())
    assert alice.call("GET", f"{PREFIX[family]}/responses/{made['id']}").status_code == 200
    assert len(house.ledger()) == rows


@pytest.mark.parametrize("family", PREFIX)
@pytest.mark.parametrize("name", ["brush", "paint"])
def test_images_are_counted(house: House, alice: Caller, family: str, name: str) -> None:
    """A picture is counted in its row."""
    body = {"model": name, "prompt": "a cat", "size": "1024x1024"}
    answer = alice.call("POST", PREFIX[family] + "/images/generations", json=body)
    assert answer.status_code == 200, answer.text
    row = row_of(house, answer.headers["x-request-id"])
    assert (row.family, row.status, row.images, row.stream) == ("images", "succeeded", 1, False)


@pytest.mark.parametrize("family", PREFIX)
@pytest.mark.parametrize("name", ["vectors", "numbers"])
def test_embeddings_are_counted(house: House, alice: Caller, family: str, name: str) -> None:
    """The tokens of embeddings are in their row."""
    answer = alice.call("POST", PREFIX[family] + "/embeddings", json={"model": name, "input": ["one two"]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"] == name
    row = row_of(house, answer.headers["x-request-id"])
    usage = answer.json()["usage"]
    assert (row.family, row.status, row.total_tokens) == ("embeddings", "succeeded", usage["total_tokens"])


def test_what_travels_on(house: House, alice: Caller) -> None:
    """`ark-beta-*` goes to Ark alone and `x-client-request-id` everywhere; the caller's Authorization goes nowhere."""
    extra = {"ark-beta-thing": "on", "x-client-request-id": "mine-1", "x-other": "no"}
    for upstream, (name, _) in CHAT_MODELS.items():
        assert chat(alice, "ark", said(name), headers=extra).status_code == 200
        sent = last_sent(house.sims[upstream])
        assert wire.header(sent, "authorization") == f"Bearer {UPSTREAM_KEY}"
        assert wire.header(sent, "x-client-request-id") == "mine-1"
        assert wire.header(sent, "ark-beta-thing") == ("on" if upstream == "ark" else None)
        assert wire.header(sent, "x-other") is None
        assert alice.key not in json.dumps(sent["headers"])


@pytest.mark.parametrize("path", ["/bots/chat/completions", "/context/create"])
def test_ark_only_routes_elsewhere(house: House, alice: Caller, path: str) -> None:
    """Bots and contexts on an upstream that has none are a 404 in Ark's envelope, and nothing is sent."""
    before = len(house.sims["strict"].requests())
    answer = alice.call("POST", "/api/v3" + path, json=said("quill"))
    assert answer.status_code == 404
    error_of(answer, "ark")
    assert len(house.sims["strict"].requests()) == before


@pytest.mark.parametrize("status", [429, 503])
def test_another_key_is_tried(fresh: House, status: int) -> None:
    """After a 429 or 503, which buy nothing, the call goes out again with the account's other key, and there is one row."""
    json_type = {"content-type": "application/json"}
    text = json.dumps(
        {"error": {"message": "busy", "type": "TooManyRequests", "param": "", "code": "ServerOverloaded"}}
    )
    fresh.sims["ark"].fault("POST .*", "answer", status=status, headers=json_type, body=text)
    answer = chat(fresh.caller(), "ark", said("keyed"))
    assert answer.status_code == 200, answer.text
    keys = {wire.header(sent, "authorization") for sent in fresh.sims["ark"].requests("POST", "/chat/completions")}
    assert keys == {f"Bearer {UPSTREAM_KEY}", f"Bearer {SECOND_KEY}"}
    assert [row.status for row in fresh.ledger()] == ["succeeded"]


@pytest.mark.parametrize("stream", [False, True])
def test_another_upstream_is_tried(fresh: House, *, stream: bool) -> None:
    """A refused connection bought nothing, so the next upstream of the model is asked; the row names who answered."""
    answer = chat(fresh.caller(), "openai", said("mostly-dead", stream=stream))
    assert answer.status_code == 200, answer.text
    row = row_of(fresh, answer.headers["x-request-id"])
    assert (row.upstream, row.request_model, row.status) == ("strict", "gpt-5", "succeeded")


def test_never_again_after_it_may_have_been_bought(fresh: House) -> None:
    """A 500 or a lost answer is not asked for again anywhere, and the SDK is told not to; after five in a row the breaker opens."""
    strict, ark, alice = fresh.sims["strict"], fresh.sims["ark"], fresh.caller()
    strict.fault("POST .*", "500-after", times=4)
    assert [chat(alice, "openai", said("mostly-strict")).status_code for _ in range(4)] == [500] * 4
    strict.fault("POST .*", "break")
    lost = chat(alice, "openai", said("mostly-strict"))
    assert lost.status_code in (502, 504)
    assert lost.headers["x-should-retry"] == "false"
    assert row_of(fresh, lost.headers["x-request-id"]).status == "failed"
    assert (len(strict.requests("POST")), len(ark.requests("POST"))) == (5, 0)
    moved = chat(alice, "openai", said("mostly-strict"))
    assert (moved.status_code, len(strict.requests("POST")), len(ark.requests("POST"))) == (200, 5, 1)
    assert chat(alice, "openai", said("gpt-5")).status_code == 200
    assert chat(alice, "openai", said("mostly-strict")).status_code == 200
    assert len(strict.requests("POST")) == 7


def test_an_upstream_that_was_not_asked_stays_a_choice(house: House) -> None:
    """After its pause an upstream is a choice again, also when the call before went elsewhere and said nothing about it."""
    seconds = [0.0]
    breaker = Breaker(lambda: seconds[0])
    services = dataclasses.replace(house.gateway.services, breaker=breaker)
    received = Received(body=read_body("application/json", b"{}"))
    request = CallRequest(model="mostly-strict", dialect=Dialect.OPENAI, received=received)

    def order() -> list[str]:
        return [upstream.name for upstream, _ in Calls(services)._candidates(request, None)]

    for _ in range(FAILURES):
        breaker.saw("strict", Blame.UPSTREAM)
    assert order() == ["ark", "strict"]
    seconds[0] += PAUSES[0]
    assert [order(), order()] == [["strict", "ark"]] * 2
