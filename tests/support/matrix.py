"""The acceptance matrix in pytest's summary: a line per row and client, a column per upstream.

A test is a cell when it calls `record_property("cell", "ROW|CLIENT|UPSTREAM")`. The properties travel with the
reports, so the table is whole however many processes ran the tests.
"""

import pytest

ROWS = {
    1: "the quick start's curl: create, poll, download",
    2: "create(prompt, model, seconds, size)",
    3: "create with Ark's content as extra fields",
    4: "Node: the same, {image_url}, a streamed file",
    5: "input_reference as bytes, tuple, file object",
    6: "a JSON body by extra_headers",
    7: "Node: multipart labelled as JSON",
    8: "create_and_poll and poll to each end",
    9: "list over several pages",
    10: "delete: queued, running, completed, unknown",
    11: "download_content: whole, range, variant, redirect",
    12: "remix, edit, extend",
    13: "error classes, code, param, request_id",
    14: "repeats: an upstream's 500, 429, timeouts",
    15: "Ark SDK: create, get, list, delete",
    16: "created on one route, polled on the other",
    17: "one settlement: unpolled, deleted, after a restart",
    18: "callbacks: unwrap() of ours, an old one refused",
}
UPSTREAMS = ("ark", "strict", "newapi", "vllm-omni", "sglang")
_WORDS = {"passed": "ok", "failed": "FAIL", "error": "FAIL", "skipped": "skip"}

Cells = dict[tuple[int, str], dict[str, str]]


def cells(terminal: pytest.TerminalReporter) -> Cells:
    """The outcome of every cell that ran, by (row, client) and upstream; one failure makes a cell FAIL."""
    found: Cells = {}
    for outcome, word in _WORDS.items():
        for report in terminal.stats.get(outcome, []):
            for name, value in getattr(report, "user_properties", ()):
                if name == "cell":
                    row, client, upstream = str(value).split("|")
                    line = found.setdefault((int(row), client), {})
                    line[upstream] = "FAIL" if "FAIL" in (line.get(upstream), word) else word
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table if any cell ran; `·` marks a cell that was not run."""
    found = cells(terminalreporter)
    if not found:
        return
    terminalreporter.section("SDK acceptance matrix")
    terminalreporter.line(f"{'row':>3}  {'client':<14}" + "".join(f"{name:>10}" for name in UPSTREAMS))
    told = 0
    for row, client in sorted(found):
        if row != told:
            terminalreporter.line(f"{row:>3}  {ROWS[row]}")
            told = row
        words = (found[row, client].get(name, "·") for name in UPSTREAMS)
        terminalreporter.line(f"{'':>3}  {client:<14}" + "".join(f"{word:>10}" for word in words))
