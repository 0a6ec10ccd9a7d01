"""What only a gateway can promise of a task, with the real SDKs: changed, bought once, settled once, told. Rows 12, 14, 17 and 18."""

import base64
import hashlib
import hmac
import json
import queue
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.support import wire
from tests.support.processes import PATIENCE
from tests.support.sdk import Reply
from tests.support.servers import until
from tests.support.stand import ARK, OPENAI, SHOWN_AFTER, UPSTREAM_MODELS, Cell, Stand, cells

CHANGES = ("remix", "edit", "extend")
NO_CHANGES = ("vllm-omni", "sglang")
NO_DELETE = ("newapi",)
BUYERS = ("openai-py-3", "openai-node-7", *ARK)
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
    args |= {"video_id": source["id"]} if op == "remix" else {"video": {"id": source["id"]}}
    reply = cell.call(op, args)
    return Changed(source, prompt, reply, [wire.fields(one) for one in cell.simulator.requests(prompt)])


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
        metadata = {**shape, "content": [reference(made.source)]}
        return {"model": cell.upstream_model, "prompt": made.prompt, "seconds": str(length), "metadata": metadata}
    own = {} if op == "remix" else {"video[id]": made.source["id"]}
    return {"prompt": made.prompt, **own, **({"seconds": "8"} if op == "extend" else {})}


@cells(12, OPENAI)
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


@cells(12, OPENAI, ("ark",))
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


@cells(12, OPENAI)
@pytest.mark.parametrize("op", ["edit", "extend"])
def test_a_file_is_no_source(cell: Cell, op: str) -> None:
    """A video as bytes cannot be sent on: a 400 that names `video` and says what to send instead."""
    spec = {"form": "bytes", "path": cell.file("source.mp4", wire.MP4), "name": "source.mp4", "type": "video/mp4"}
    args = {"prompt": cell.prompt, "video": {"$file": spec}, **({"seconds": "8"} if op == "extend" else {})}
    error = cell.call(op, args, max_retries=2).refused()
    assert (error["class"], error["param"], error["code"]) == ("BadRequestError", "video", "invalid_value")
    assert "video[id]" in error["message"]
    assert cell.nothing_sent()


@cells(12, ("openai-py-3", "openai-py-2"), ("ark", "strict", "newapi"))
def test_an_id_by_extra_body(cell: Cell) -> None:
    """The id as a further member of a JSON body names the source like the SDK's own argument."""
    source = finished(cell)
    headers = {"Content-Type": "application/json"}
    made = change(cell, "edit", source, extra_body={"video": {"id": source["id"]}}, extra_headers=headers)
    made.reply.ok()
    expected = wanted(cell, "edit", made)
    if cell.upstream == "strict":
        expected = {"prompt": made.prompt, "video": {"id": source["id"]}}
    assert made.sent == [expected]


# -- row 14: bought once


def buy(cell: Cell, directive: str = "", *, timeout: float = 0.0) -> tuple[Reply, list[dict[str, Any]], str]:
    """A create by an SDK that repeats twice by itself: what it got, what reached the upstream, and the prompt."""
    prompt = f"{uuid.uuid4().hex} {directive}"
    args: dict[str, Any] = {"model": cell.model, **SHAPES[cell.speaks_ark]}
    args |= {"content": [{"type": "text", "text": prompt}]} if cell.speaks_ark else {"prompt": prompt}
    options: dict[str, Any] = {}
    if timeout and cell.client.startswith("openai-node"):
        options = {"options": {"timeout": 1000 * timeout}}
    elif timeout:
        args["timeout"] = timeout
    reply = cell.call("create", args, max_retries=2, **options)
    return reply, cell.simulator.requests(prompt.split()[0]), prompt


@cells(14, BUYERS)
@pytest.mark.parametrize("fault", ["500-before", "500-after", "break", "no-id"])
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


@cells(14, BUYERS, ("ark", "strict"))
def test_a_caller_that_does_not_wait(cell: Cell) -> None:
    """An SDK that gives up waiting and repeats gets the video that its first attempt has bought."""
    reply, posts, prompt = buy(cell, "[[sim:slow=0.9]]", timeout=0.4)
    assert len(posts) == 1
    assert found(cell, prompt) == [reply.ok()["id"]]


@cells(14, ("openai-py-3", "ark-py"), ("ark", "newapi"))
def test_a_caller_that_gives_up(cell: Cell) -> None:
    """When every attempt of the SDK has timed out, one video was bought, and the caller finds it in the list."""
    reply, posts, prompt = buy(cell, "[[sim:slow=1.2]]", timeout=0.3)
    assert "imeout" in reply.refused()["class"]
    assert len(posts) == 1
    assert len(until(lambda: found(cell, prompt), bool)) == 1


def found(cell: Cell, prompt: str) -> list[str]:
    """The ids of this prompt's tasks, as the caller's list has them."""
    listed = json.loads(cell.stand.gateway.arkbridge("tasks", "--json", "--caller", cell.client, "--limit", "10"))
    bought = {task["id"] for task in cell.simulator.control("GET", "tasks") if prompt.split()[0] in json.dumps(task)}
    return [task["id"] for task in listed if task["id"] in bought]


# -- row 17: settled once


KEEPERS = ("openai-py-3", "ark-py")
BOOKS = tuple(UPSTREAM_MODELS)


@dataclass
class Books:
    """The tasks of each client at each upstream that nobody polls, with the status each of them ends in."""

    stand: Stand
    unpolled: dict[tuple[str, str], str] = field(default_factory=dict)
    left: dict[tuple[str, str], str] = field(default_factory=dict)
    deleted: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def cell(self, client: str, upstream: str) -> Cell:
        """A cell of a caller that has nothing but these tasks."""
        cell = Cell(self.stand, client, upstream)
        cell.key = self.stand.keys[f"books-{client}"]
        return cell

    def usage(self) -> dict[tuple[str, str], dict[str, Any]]:
        """What `arkbridge usage` says of each client and upstream."""
        rows = json.loads(self.stand.gateway.arkbridge("usage", "--by", "caller,upstream", "--json"))
        return {
            (row["caller"].removeprefix("books-"), row["upstream"]): row
            for row in rows
            if row["caller"].startswith("books-")
        }

    def calls(self) -> dict[tuple[str, str], int]:
        """How many rows the ledger has of each."""
        rows = self.usage()
        return {pair: rows[pair]["calls"] if pair in rows else 0 for pair in self.unpolled}

    def expected(self, *, left: bool) -> dict[tuple[str, str], int]:
        """How many rows there must be: one a task that has ended."""
        return {pair: 1 + left + len(self.deleted[pair]) for pair in self.unpolled}


@pytest.fixture(scope="module", autouse=True)
def begun(stand: Stand) -> Books:
    """The tasks, made before the other rows run: nobody looks at them, so they end while those are at work."""
    books = Books(stand)
    for client in KEEPERS:
        for upstream in BOOKS:
            cell, pair = books.cell(client, upstream), (client, upstream)
            ids = [cell.create(f"{name} {uuid.uuid4().hex}", **SHAPES[cell.speaks_ark])["id"] for name in "abcd"]
            cell.simulator.force(ids[0], "succeeded")
            books.unpolled[pair], books.left[pair] = ids[0], ids[1]
            books.deleted[pair] = [] if upstream in NO_DELETE else ids[2:]
            if books.deleted[pair]:
                cell.simulator.force(ids[3], "succeeded")
            else:
                for spare in ids[2:]:
                    cell.simulator.force(spare, "failed")
    for upstream, seconds in SHOWN_AFTER.items():
        stand.simulators[upstream].advance(seconds)
    return books
