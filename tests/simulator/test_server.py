"""The simulator on a socket."""

import signal
import subprocess
import sys

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from proxy.simulator.server import background


def test_a_port_that_is_taken_is_an_error() -> None:
    """The background server says that it cannot listen instead of leaving a client to wait."""
    with background(Starlette()) as origin:
        port = int(origin.rpartition(":")[2])
        with pytest.raises(OSError, match="could not listen"), background(Starlette(), port=port):
            pass


def test_serving_prints_one_line_and_ends_on_a_signal() -> None:
    """`serve` says where it accepts, and nothing else; SIGTERM ends it."""
    code = "from proxy import simulator; simulator.serve(simulator.Settings(), '127.0.0.1', 0)"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with process:
        assert process.stdout is not None
        word, origin = process.stdout.readline().split()
        try:
            assert word == "ready"
            assert httpx.get(f"{origin}/_sim/counts", trust_env=False).status_code == 200
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == ""
