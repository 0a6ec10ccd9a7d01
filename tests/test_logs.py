"""Log lines: one each, in order, whatever they carry; secrets masked; nothing stops a call."""

import io
import json
import logging
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.logs import SHORTEST, WAITING, Logs
from proxy.model import Dialect, Secret

NOW = 1_795_488_000.25
CANARY = 'canary "7f3a/é'


class Gate(io.BytesIO):
    """A stream whose first write waits until the gate is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.opened = threading.Event()

    def write(self, data: object) -> int:
        """Wait, then write."""
        self.reached.set()
        assert self.opened.wait(20)
        return super().write(data)  # type: ignore[arg-type]  # bytes, as BytesIO takes them


class Broken(io.BytesIO):
    """A stream on a full disk."""

    def write(self, data: object) -> int:
        """Refuse."""
        raise OSError(28, "No space left on device")


@pytest.fixture
def stream() -> io.BytesIO:
    """Where the lines go."""
    return io.BytesIO()


@pytest.fixture
def logs(stream: io.BytesIO) -> Iterator[Logs]:
    """A log in JSON at a fixed time."""
    log = Logs(stream, "json", lambda: NOW)
    yield log
    log.close()


def test_lines_are_json_in_order(logs: Logs, stream: io.BytesIO) -> None:
    """`close` has written every line, in order, as one JSON object each, with the time in UTC."""
    for number in range(2500):
        logs.call({"status": 200, "number": number})
    logs.event("warning", "two\nlines", upstream="ark")
    logs.close()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["number"] for line in lines[:-1]] == list(range(2500))
    assert lines[0] == {
        "time": "2026-11-24T02:40:00.250Z",
        "level": "info",
        "event": "call",
        "status": 200,
        "number": 0,
    }
    assert lines[-1] == {"time": lines[0]["time"], "level": "warning", "event": "two\nlines", "upstream": "ark"}
    assert logs.dropped == 0


def test_values_of_every_kind(logs: Logs, stream: io.BytesIO) -> None:
    """Amounts are numbers, words of ours are texts, secrets show nothing, and an exception keeps its traceback."""
    fault = ZeroDivisionError("by nought")
    logs.event(
        "error",
        "x",
        cost=Decimal("0.123456"),
        dialect=Dialect.ARK,
        key=Secret("hidden-value"),
        path=Path("/a"),
        fault=fault,
    )
    logs.close()
    line = json.loads(stream.getvalue())
    assert (line["cost"], line["dialect"], line["key"], line["path"]) == (0.123456, "ark", "Secret(…)", "/a")
    assert line["fault"] == "ZeroDivisionError: by nought\n"


@pytest.mark.parametrize("value", [2**70, "\ud800", [[[]]] * 3, {1: 2}, b"\xff", float("nan"), Decimal("sNaN"), object])
@pytest.mark.parametrize("form", ["json", "text"])
def test_no_value_loses_a_line(stream: io.BytesIO, form: str, value: object) -> None:
    """Whatever a field holds, its line is written, as one line."""
    logs = Logs(stream, form, lambda: NOW)
    logs.event("info", "odd", value=value)
    logs.close()
    assert stream.getvalue().count(b"\n") == 1
    assert b"odd" in stream.getvalue()
    assert logs.dropped == 0


def test_text_form(stream: io.BytesIO) -> None:
    """In the text form a line has time, level, event and fields; a value cannot begin a field or a line of its own."""
    logs = Logs(stream, "text", lambda: NOW)
    logs.call({"model": "seedance-2.0", "agent": 'a b="c"\nd', "prompt": "橘猫", "none": None})
    logs.event("error", "bad\nthing")
    logs.close()
    first, second = stream.getvalue().decode().splitlines()
    assert first == '2026-11-24T02:40:00.250Z INFO    call model=seedance-2.0 agent="a b=\\"c\\"\\nd" prompt=橘猫'
    assert second == "2026-11-24T02:40:00.250Z ERROR   'bad\\nthing'"


@given(value=st.text(), form=st.sampled_from(["json", "text"]))
def test_one_line_each(value: str, form: str) -> None:
    """No text in a field makes two lines of one."""
    stream = io.BytesIO()
    logs = Logs(stream, form, lambda: NOW)
    logs.call({"value": value})
    logs.close()
    assert len(stream.getvalue().splitlines()) == 1


@pytest.mark.parametrize("form", ["json", "text"])
def test_secrets_are_masked(stream: io.BytesIO, form: str) -> None:
    """A known secret shows nowhere: not as it is, not escaped, not in an address, not in a traceback, not in a name of a field."""
    logs = Logs(stream, form, lambda: NOW)
    logs.event("info", "before", text="canary-of-later")
    logs.add_secret(Secret(CANARY))
    logs.add_secret("canary-of-later")
    logs.event(
        "info",
        f"say {CANARY}",
        text=f"Bearer {CANARY}",
        nested={"a": [CANARY]},
        url="https://x/?k=canary%20%227f3a%2F%C3%A9",
    )
    logs.event("error", "fault", fault=ValueError(CANARY), **{CANARY: 1})
    logs.close()
    assert b"canary" not in stream.getvalue()
    assert stream.getvalue().count("…".encode()) >= 6


def test_our_keys_are_masked(logs: Logs, stream: io.BytesIO) -> None:
    """One of our keys is cut to the prefix by which people know it, though nobody announced it."""
    logs.event("info", "x", header="Bearer sk-ab-" + "Abc123" + "x" * 37, admin="sk-ab-admin-" + "y" * 43)
    logs.call({"key": "sk-ab-Abc123"})
    logs.close()
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["header"], first["admin"]) == ("Bearer sk-ab-Abc123…", "sk-ab-admin-yyyyyy…")
    assert second["key"] == "sk-ab-Abc123"


def test_short_secrets(logs: Logs, stream: io.BytesIO) -> None:
    """A secret too short to be one masks nothing, for it would eat the words of every line."""
    logs.add_secret("a" * (SHORTEST - 1))
    logs.event("info", "a" * SHORTEST)
    logs.close()
    assert json.loads(stream.getvalue())["event"] == "a" * SHORTEST


def test_too_many_lines() -> None:
    """Lines beyond what may wait are dropped, counted and told; the caller never waits."""
    gate = Gate()
    logs = Logs(gate, "json", lambda: NOW)
    logs.event("info", "first")
    assert gate.reached.wait(20)
    for number in range(WAITING + 7):
        logs.call({"number": number})
    gate.opened.set()
    logs.close()
    lines = [json.loads(line) for line in gate.getvalue().splitlines()]
    assert [line["number"] for line in lines[1:-1]] == list(range(WAITING))
    assert (lines[-1]["event"], lines[-1]["count"]) == ("log lines were dropped", 7)
    assert logs.dropped == 7


def test_broken_stream() -> None:
    """A stream that cannot be written costs its lines, which are counted, and nothing else."""
    logs = Logs(Broken(), "json", lambda: NOW)
    logs.event("info", "lost")
    logs.close()
    logs.close()
    assert logs.dropped == 1
    logs.event("info", "too late")
    assert logs.dropped == 2


def test_standard_loggers(logs: Logs, stream: io.BytesIO) -> None:
    """Attached loggers of the standard library speak here, with their tracebacks and masked, until the log is closed."""
    logs.add_secret("canary-of-logging")
    logs.attach("tests.attached")
    logger = logging.getLogger("tests.attached")
    try:
        int("canary-of-logging")
    except ValueError:
        logger.exception("it %s", "failed")
    logger.info("not told")
    logs.close()
    assert logger.handlers == []
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert (line["level"], line["event"], line["logger"]) == ("error", "it failed", "tests.attached")
    assert line["exception"].endswith("with base 10: '…'")
