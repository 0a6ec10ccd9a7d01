"""Child processes of tests: started, waited for by the line they print, stopped by their own id, their words kept in a log."""

import os
import queue
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

ROOT = Path(__file__).resolve().parents[2]
# How long a process may take for its next line; a slow machine needs a part of it, a stuck process all of it.
PATIENCE = 60.0
ARKBRIDGE = (sys.executable, "-P", "-m", "proxy")
# What a copy of the checkout has no use for.
_NOT_SOURCE = (".git", ".venv", ".cache", ".*_cache", ".hypothesis", "__pycache__", "node_modules", "data", "dist")
_READY = re.compile(r"^ready (http://\S+)")


def environment(**further: str) -> dict[str, str]:
    """This process's environment without what would configure a gateway or send its traffic elsewhere, plus `further`."""
    dropped = re.compile(r"ARK_API_KEY$|ARKBRIDGE_|https?_proxy$|all_proxy$|PYTHONPATH$|PYTEST_|MAKE", re.IGNORECASE)
    kept = {name: value for name, value in os.environ.items() if not dropped.match(name)}
    return kept | {"PYTHONUNBUFFERED": "1"} | further


def checkout_environment(**further: str) -> dict[str, str]:
    """The same with this checkout's `proxy` importable by ARKBRIDGE, whether or not make has set it up."""
    return environment(PYTHONPATH=str(ROOT), **further)


def copy_checkout(target: Path) -> Path:
    """A copy of the sources as a fresh clone would have them, without anything that was installed or built."""
    return Path(shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*_NOT_SOURCE), symlinks=True))


class Lines:
    """The lines of a child's output, read by a thread so that waiting for one has a limit."""

    def __init__(self, stream: IO[str], keep: IO[str] | None = None) -> None:
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read, args=(stream, keep), daemon=True)
        self._thread.start()

    def next(self, patience: float = PATIENCE) -> str | None:
        """The next line without its end; None when the output has ended. Raises TimeoutError after `patience` seconds."""
        try:
            return self._lines.get(timeout=patience)
        except queue.Empty:
            raise TimeoutError(f"no further line within {patience} s") from None

    def join(self) -> None:
        """Wait until the output has ended."""
        self._thread.join(PATIENCE)

    def _read(self, stream: IO[str], keep: IO[str] | None) -> None:
        for line in stream:
            if keep is not None:
                keep.write(line)
                keep.flush()
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)


class Server:
    """A child that prints `ready http://H:P`: entering waits for that line, leaving sends SIGTERM and waits."""

    def __init__(self, command: Sequence[str], cwd: Path, log: Path, env: Mapping[str, str] | None = None) -> None:
        self.command = command
        self.cwd = cwd
        self.log = log
        self.env = checkout_environment() if env is None else env
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the child and take its address from its `ready` line."""
        self._keep = self.log.open("a")
        self._process = subprocess.Popen(
            self.command, cwd=self.cwd, env=dict(self.env), stdout=subprocess.PIPE, stderr=self._keep, text=True
        )
        if self._process.stdout is None:
            raise AssertionError("a piped child has an output")
        self._lines = Lines(self._process.stdout, self._keep)
        try:
            self.url = self._address()
        except (TimeoutError, ChildProcessError) as error:
            self.stop()
            raise AssertionError(f"{' '.join(self.command)}: {error}\n{self.words()}") from error

    def stop(self) -> int:
        """End the child (SIGTERM, and SIGKILL if that is not heeded) and give its exit code; 0 if it never ran."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.terminate()
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        self._close(process)
        return code

    def kill(self) -> None:
        """End the child as a power cut would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            self._close(process)

    def words(self) -> str:
        """What the child has said so far on stdout and stderr."""
        return self.log.read_text("utf-8", "replace")

    def _address(self) -> str:
        while (line := self._lines.next()) is not None:
            found = _READY.match(line)
            if found:
                return found[1]
        raise ChildProcessError("it ended before it was ready")

    def _close(self, process: subprocess.Popen[str]) -> None:
        self._lines.join()
        if process.stdout is not None:
            process.stdout.close()
        self._keep.close()
