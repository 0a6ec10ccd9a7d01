"""What only a gateway can promise of a task, with the real SDKs: changed, bought once, settled once, told. Rows 12, 14, 17 and 18."""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support import wire
from tests.support.receiver import Delivery, Receiver, signed_at
from tests.support.sdk import Reply
from tests.support.servers import until
from tests.support.stand import ARK, OPENAI, OPENAI_PYTHON, SHOWN_AFTER, UPSTREAM_MODELS, Cell, Stand, cells

CHANGES = ("remix", "edit", "extend")
NO_CHANGES = ("vllm-omni", "sglang")
NO_DELETE = ("newapi",)
NEWEST = ("openai-py-3", "openai-node-7")
BUYERS = (*NEWEST, *ARK)
KEEPERS = ("openai-py-3", "ark-py")
BOOKS = tuple(UPSTREAM_MODELS)
Pair = tuple[str, str]
SEEDANCE_2_5 = "doubao-seedance-2-5-260628"
SHAPES: Mapping[bool, dict[str, Any]] = {
    True: {"resolution": "720p", "ratio": "16:9", "duration": 4},
    False: {"seconds": "4", "size": "1280x720"},
}


# -- row 12: a new video out of an old one


@dataclass
class Changed:
    """One change of a finished video: what the SDK got, and what the upstream was asked for."""

    source: dict[str, Any]
    prompt: str
    reply: Reply
    sent: list[dict[str, Any]] = field(default_factory=list)


def finished(cell: Cell, **fields: object) -> dict[str, Any]:
    """A completed video."""
    video: dict[str, Any] = cell.end(cell.create(**{**SHAPES[False], **fields})["id"])
    assert video["status"] == "completed"
    return video


def change(cell: Cell, op: str, source: dict[str, Any], **more: object) -> Changed:
    """The change as every SDK asks for it, under a prompt that no other request has."""
    prompt = f"let it rain {uuid.uuid4().hex}"
    args: dict[str, Any] = {"prompt": prompt, **({"seconds": "8"} if op == "extend" else {}), **more}
    args |= {"video_id": source["id"]} if op == "remix" else named(cell, source["id"])
    reply = cell.call(op, args)
    return Changed(source, prompt, reply, [wire.fields(one) for one in cell.simulator.requests(prompt)])


def named(cell: Cell, task_id: str) -> dict[str, Any]:
    """The source of an edit or extension as the SDK can name it: Python's takes files only, here none, and an id by extra_body."""
    video = {"id": task_id}
    return {"video": [], "extra_body": {"video": video}} if cell.client in OPENAI_PYTHON else {"video": video}


def reference(video: dict[str, Any]) -> dict[str, Any]:
    """A video as Ark's reference."""
    return {"type": "video_url", "video_url": {"url": video["metadata"]["url"]}, "role": "reference_video"}


def wanted(cell: Cell, op: str, made: Changed) -> dict[str, Any]:
    """What must reach the upstream (openai-wire.md §5.9): a create with a reference, or the route of the same name."""
    length = 8 if op == "extend" else 4
    shape = {"resolution": "720p", "ratio": "16:9", "duration": length}
    if cell.upstream == "ark":
        text = {"type": "text", "text": made.prompt}
        return {"model": cell.upstream_model, "content": [text, reference(made.source)], **shape}
    if cell.upstream == "newapi":
        metadata = {**shape, "content": [{"type": "text", "text": made.prompt}, reference(made.source)]}
        return {"model": cell.upstream_model, "prompt": made.prompt, "seconds": str(length), "metadata": metadata}
    own = {} if op == "remix" else {"video[id]": made.source["id"]}
    return {"prompt": made.prompt, **own, **({"seconds": "8"} if op == "extend" else {})}


@cells(12, NEWEST)
def test_changes(cell: Cell) -> None:
    """remix, edit and extend make new videos of an old one, each as its upstream can; where it cannot, that is said by code."""
    source = finished(cell)
    for op in CHANGES:
        made = change(cell, op, source)
        if cell.upstream in NO_CHANGES:
            error = made.reply.refused()
            assert (error["class"], error["code"]) == ("BadRequestError", "unsupported_operation")
            assert made.sent == []
            continue
        video = made.reply.ok()
        assert made.sent == [wanted(cell, op, made)]
        assert video["id"] != source["id"]
        assert (video["status"], video["model"], video["prompt"]) == ("queued", cell.model, made.prompt)
        assert video["remixed_from_video_id"] == source["id"]
        if op == "extend" and cell.upstream != "strict":
            # Ark gives the new part alone, OpenAI both parts as one.
            assert (video["seconds"], video["metadata"]["extended_from"]) == ("8", source["id"])
            assert made.reply.exchanges[-1]["headers"]["x-arkbridge-warning"].startswith("seconds; ")
        assert cell.end(video["id"])["status"] == "completed"


@cells(12, NEWEST, ("ark",))
def test_changes_on_seedance_2_5(cell: Cell) -> None:
    """Seedance 2.5 has task types with rules of their own, which its changes keep (ark-wire.md §2.3)."""
    source = finished(cell, model="seedance-2.5")
    for op in CHANGES:
        made = change(cell, op, source)
        kind = {"omni_reference_task_type": "extend" if op == "extend" else "edit"}
        content = [{"type": "text", "text": made.prompt}, reference(source)]
        shape = {"resolution": "720p", "ratio": "adaptive", "duration": 8 if op == "extend" else -1}
        assert made.sent == [{"model": SEEDANCE_2_5, "content": content, **shape, **kind}], made.reply
        assert made.reply.ok()["model"] == "seedance-2.5"
        assert cell.end(made.reply.ok()["id"])["status"] == "completed"


@cells(12, OPENAI, ("ark", "strict"))
@pytest.mark.parametrize("op", ["edit", "extend"])
def test_a_file_is_no_source(cell: Cell, op: str) -> None:
    """A video as bytes cannot be sent on: a 400 that names `video` and says what to send instead."""
    spec = {"form": "bytes", "path": cell.file("source.mp4", wire.MP4), "name": "source.mp4", "type": "video/mp4"}
    args = {"prompt": cell.prompt, "video": {"$file": spec}, **({"seconds": "8"} if op == "extend" else {})}
    error = cell.call(op, args, max_retries=2).refused()
    assert (error["class"], error["param"], error["code"]) == ("BadRequestError", "video", "invalid_value")
    assert "video[id]" in error["message"]
    assert cell.nothing_sent()


@cells(12, ("openai-py-3", "openai-py-2"), ("ark", "strict"))
def test_an_id_in_json(cell: Cell) -> None:
    """With a JSON content type the Python SDK names the source in JSON, which says the same."""
    source = finished(cell)
    made = change(cell, "edit", source, extra_headers={"Content-Type": "application/json"})
    made.reply.ok()
    as_json = {"prompt": made.prompt, "video": {"id": source["id"]}}
    assert made.sent == [as_json if cell.upstream == "strict" else wanted(cell, "edit", made)]


# -- row 14: bought once


def buy(cell: Cell, directive: str = "", *, timeout: float = 0.0) -> tuple[Reply, list[dict[str, Any]], str]:
    """A create by an SDK that repeats twice by itself: what it got, what reached the upstream, and the prompt."""
    prompt = f"{uuid.uuid4().hex} {directive}".strip()
    args: dict[str, Any] = {"model": cell.model, **SHAPES[cell.speaks_ark]}
    args |= {"content": [{"type": "text", "text": prompt}]} if cell.speaks_ark else {"prompt": prompt}
    options: dict[str, Any] = {}
    if timeout and cell.client.startswith("openai-node"):
        options = {"options": {"timeout": 1000 * timeout}}
    elif timeout:
        args["timeout"] = timeout
    reply = cell.call("create", args, max_retries=2, **options)
    return reply, cell.simulator.requests(prompt.partition(" ")[0]), prompt


@cells(14, BUYERS)
@pytest.mark.parametrize("fault", ["500-after", "break", "no-id"])
def test_an_unknown_outcome_is_not_repeated(cell: Cell, fault: str) -> None:
    """Where a video may have been bought (a 500, a broken connection, no id) the SDK is told not to repeat, and the upstream is asked once."""
    reply, posts, _ = buy(cell, f"[[sim:{fault}]]")
    error = reply.refused()
    assert error["status_code"] in (500, 502)
    assert error["headers"]["x-should-retry"] == "false"
    assert error["request_id"]
    assert len(posts) == 1
    assert len(reply.exchanges) == 1


@cells(14, BUYERS)
def test_a_refused_create_is_made_anew(cell: Cell) -> None:
    """After an upstream's 429 nothing was bought: the SDK repeats by itself, and gets one video."""
    path = "/api/v3/contents/generations/tasks" if cell.upstream == "ark" else "/v1/videos"
    busy = {"status": 429, "headers": {"retry-after": "0.1", "content-type": "application/json"}}
    body = '{"error":{"code":"RateLimitExceeded.EndpointRPMExceeded","message":"slow down","type":"TooManyRequests"}}'
    cell.simulator.control("POST", "faults", {"match": f"POST {path}", "fault": "answer", "body": body, **busy})
    reply, posts, prompt = buy(cell)
    assert reply.ok()["id"]
    assert [one["status"] for one in posts] == [429, 200]
    assert [one["status"] for one in reply.exchanges] == [429, 200]
    assert len(found(cell, prompt)) == 1


@cells(14, BUYERS, ("ark",))
def test_a_caller_that_does_not_wait(cell: Cell) -> None:
    """An SDK that gives up waiting and repeats gets the video that its first attempt has bought."""
    reply, posts, prompt = buy(cell, "[[sim:slow=0.8]]", timeout=0.5)
    assert len(posts) == 1
    assert found(cell, prompt) == [reply.ok()["id"]]


@cells(14, ("openai-py-3", "ark-py"), ("ark",))
def test_a_caller_that_gives_up(cell: Cell) -> None:
    """When every attempt of the SDK has timed out, one video was bought, and the caller finds it in the list."""
    reply, posts, prompt = buy(cell, "[[sim:slow=2.5]]", timeout=0.3)
    assert "imeout" in reply.refused()["class"]
    assert len(posts) == 1
    assert len(until(lambda: found(cell, prompt), bool)) == 1


def found(cell: Cell, prompt: str) -> list[str]:
    """The ids of this prompt's tasks, as the caller's list has them."""
    page = cell.stand.call("openai-py-3", "list", {"limit": 10}, cell.key).ok()
    return [video["id"] for video in page["data"] if video["prompt"] == prompt]


# -- row 17: settled once


@dataclass
class Books:
    """Tasks that nobody polls, by client and upstream: one that ends, one that a crash interrupts, some that are deleted."""

    stand: Stand
    ended: dict[Pair, str] = field(default_factory=dict)
    interrupted: dict[Pair, str] = field(default_factory=dict)
    deleted: dict[Pair, list[str]] = field(default_factory=dict)

    def cell(self, client: str, upstream: str) -> Cell:
        """A cell of a caller that has nothing but these tasks."""
        cell = Cell(self.stand, client, upstream)
        cell.key = self.stand.keys[f"books-{client}"]
        return cell

    def make(self, client: str, upstream: str) -> None:
        """The tasks of one client at one upstream; those to be deleted are, before anybody has seen an end of them."""
        cell, pair = self.cell(client, upstream), (client, upstream)
        names = "ab" if upstream in NO_DELETE else "abcd"
        ids = [cell.create(f"{name} {cell.marker}", **SHAPES[cell.speaks_ark])["id"] for name in names]
        self.ended[pair], self.interrupted[pair], self.deleted[pair] = ids[0], ids[1], ids[2:]
        cell.simulator.force(ids[0], "succeeded")
        for number, task_id in enumerate(self.deleted[pair]):
            if number:
                cell.simulator.force(task_id, "succeeded")
            cell.call("delete", {"task_id" if cell.speaks_ark else "video_id": task_id}).ok()

    def usage(self) -> dict[Pair, dict[str, Any]]:
        """What `arkbridge usage` says of each client and upstream."""
        rows = json.loads(self.stand.gateway.arkbridge("usage", "--by", "caller,upstream", "--json"))
        return {
            (row["caller"].removeprefix("books-"), row["upstream"]): row
            for row in rows
            if row["caller"].startswith("books-")
        }

    def written(self, *, interrupted: bool) -> bool:
        """Whether the ledger has a row of every task that has ended."""
        rows = self.usage()
        return all(
            pair in rows and rows[pair]["calls"] >= self.count(pair) - (0 if interrupted else 1) for pair in self.ended
        )

    def count(self, pair: Pair) -> int:
        """How many rows there are in the end: one a task."""
        return 2 + len(self.deleted[pair])


@pytest.fixture(scope="module", autouse=True)
def begun(stand: Stand) -> Books:
    """The tasks, made before the other rows run: they end while those are at work, and nobody looks at them."""
    books = Books(stand)
    for client in KEEPERS:
        for upstream in BOOKS:
            books.make(client, upstream)
    for upstream, seconds in SHOWN_AFTER.items():
        stand.simulators[upstream].advance(seconds)
    return books


@dataclass
class Closed:
    """What the books say when all is over, before and after everybody has polled everything once more, and what the polls said."""

    books: Books
    before: dict[Pair, dict[str, Any]]
    polled: dict[Pair, list[dict[str, Any]]]
    after: dict[Pair, dict[str, Any]]


@pytest.fixture(scope="module")
def closed(begun: Books) -> Closed:
    """The gateway is killed while some tasks are open, these end meanwhile, and another gateway is started on the same files."""
    until(lambda: begun.written(interrupted=False), bool)
    begun.stand.gateway.kill()
    for (_, upstream), task_id in begun.interrupted.items():
        begun.stand.simulators[upstream].force(task_id, "succeeded")
    for upstream, seconds in SHOWN_AFTER.items():
        begun.stand.simulators[upstream].advance(seconds)
    begun.stand.gateway.start()
    until(lambda: begun.written(interrupted=True), bool)
    before = begun.usage()
    polled = {
        pair: [begun.cell(*pair).get(task_id) for task_id in (begun.ended[pair], begun.interrupted[pair]) * 2]
        for pair in begun.ended
    }
    return Closed(begun, before, polled, begun.usage())


@cells(17, KEEPERS)
def test_one_settlement(cell: Cell, closed: Closed) -> None:
    """Every task has one row in the ledger, also if nobody polled it, the gateway was killed, it was deleted or is polled afterwards."""
    pair = (cell.client, cell.upstream)
    assert closed.before[pair]["calls"] == closed.books.count(pair)
    assert closed.after[pair] == closed.before[pair]
    tasks = closed.polled[pair]
    assert {task["status"] for task in tasks} == {"succeeded" if cell.speaks_ark else "completed"}
    if cell.upstream == "ark":
        # Of the two deleted ones one had ended, and was paid for like the others; the one cancelled in the queue costs nothing.
        spent = {(task if cell.speaks_ark else task["metadata"])["usage"]["total_tokens"] for task in tasks}
        assert [closed.after[pair]["total_tokens"]] == [3 * tokens for tokens in spent]


# -- row 18: told by callback


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver for one cell."""
    running = Receiver()
    yield running
    running.close()


@pytest.fixture(scope="module")
def secrets(stand: Stand) -> dict[str, str]:
    """What each client's callbacks are signed with, as the command line shows it."""
    return {
        client: stand.gateway.arkbridge("keys", "show", client, "--webhook-secret").strip()
        for client in ("openai-py-3", "openai-node-7", "ark-py")
    }


def unwrap(cell: Cell, told: Delivery, headers: Mapping[str, str], secret: str) -> Reply:
    """What an OpenAI SDK makes of a callback; Ark's SDKs have nothing of the kind."""
    client = "openai-py-3" if cell.speaks_ark else cell.client
    args = {"payload": told.body.decode(), "headers": dict(headers), "secret": secret}
    return cell.stand.call(client, "unwrap", args)


@cells(18, ("openai-py-3", "openai-node-7"))
@pytest.mark.parametrize(("end", "kind"), [("succeeded", "video.completed"), ("failed", "video.failed")])
def test_events(cell: Cell, receiver: Receiver, secrets: dict[str, str], end: str, kind: str) -> None:
    """The end of a video comes as an event that the SDK's own unwrap() takes; the address is never sent upstream."""
    extra = {"callback_url": receiver.url}
    more = {"extra_body": extra} if cell.client.startswith("openai-py") else extra
    video = cell.create(**SHAPES[False], **more)
    assert receiver.url not in json.dumps(cell.simulator.requests(cell.marker))
    cell.end(video["id"], end)
    told, secret = receiver.next(), secrets[cell.client]
    event = unwrap(cell, told, told.headers, secret).ok()
    assert (event["type"], event["object"], event["data"]) == (kind, "event", {"id": video["id"]})
    assert event["id"] == told.headers["webhook-id"]
    again = signed_at(told, secret, int(told.headers["webhook-timestamp"]))
    assert again == told.headers
    old = unwrap(cell, told, signed_at(told, secret, int(time.time()) - 400), secret).refused()
    assert (old["class"], "too old" in old["message"]) == ("InvalidWebhookSignatureError", True)
    forged = unwrap(cell, told, told.headers, secrets["ark-py"]).refused()
    assert forged["class"] == "InvalidWebhookSignatureError"


@cells(18, ("ark-py",))
def test_ark_callbacks(cell: Cell, receiver: Receiver, secrets: dict[str, str]) -> None:
    """A task made by Ark's SDK is told in Ark's words, as a GET has it, and signed all the same."""
    task_id = cell.create(callback_url=receiver.url, **SHAPES[True])["id"]
    done = cell.end(task_id)
    told = receiver.next()
    task = json.loads(told.body)
    while task["status"] != "succeeded":
        told = receiver.next()
        task = json.loads(told.body)
    assert task == done
    assert unwrap(cell, told, told.headers, secrets["openai-py-3"]).refused()["class"] == "InvalidWebhookSignatureError"
    assert signed_at(told, secrets["ark-py"], int(told.headers["webhook-timestamp"])) == told.headers
