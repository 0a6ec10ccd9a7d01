"""Measures the gateway with everything on against a bare ASGI answer, in interleaved rounds on one machine: `make bench`.

Load comes from another process over loopback, in a bounded number of requests. CPU is user and system time of the gateway's process. What is
printed is a Markdown table; the same figures go to bench/results/latest.json. Ratios travel from machine to machine, microseconds do not.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of one process so far, s."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def rss_mb(pid: int) -> float:
    """Resident memory of one process, MB."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@contextmanager
def running(*command: str, cwd: Path) -> Iterator[tuple[subprocess.Popen[str], str, float]]:
    """A server process, its URL, and the seconds it took to be ready."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("ready "):
                yield process, line.split()[1], time.perf_counter() - begun
                return
        raise SystemExit(f"{' '.join(command)} ended before it was ready")
    finally:
        process.terminate()
        process.wait(30)


def load(url: str, path: str, key: str, requests: int, connections: int) -> dict[str, float]:
    """One round of load from a process of its own: requests a second, and the latencies' p50 and p99 in ms."""
    command = [sys.executable, "-m", "bench.load", url, path, key, str(requests), str(connections)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def measured(
    process: subprocess.Popen[str], url: str, path: str, key: str, options: argparse.Namespace
) -> dict[str, float]:
    """CPU per request at 16 connections, and latency at one."""
    load(url, path, key, 200, 4)
    before = cpu_seconds(process.pid)
    busy = load(url, path, key, options.requests, 16)
    cpu = (cpu_seconds(process.pid) - before) / options.requests
    alone = load(url, path, key, options.requests // 4, 1)
    return {"cpu_us": cpu * 1e6, "rps": busy["rps"], "p50_ms": alone["p50_ms"], "p99_ms": alone["p99_ms"]}


def finished_task(url: str, key: str) -> str:
    """The id of a task that is over, so that a poll of it is answered from state."""
    command = [sys.executable, "-m", "bench.load", url, "--make-task", key]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def rounds(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Median figures of every subject, taken in interleaved rounds."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        python = sys.executable
        bare, bare_url, _ = stack.enter_context(running(python, "-m", "bench.bare", cwd=ROOT))
        env = ["env", f"PYTHONPATH={ROOT}", "ARKBRIDGE_LOG__FORMAT=json"]
        ours, our_url, start = stack.enter_context(
            running(*env, python, "-m", "proxy", "serve", "--port", "0", cwd=home)
        )
        idle = rss_mb(ours.pid)
        key = (home / "data" / "first-key").read_text().strip()
        task = finished_task(our_url, key)
        subjects = {
            "bare ASGI answer": (bare, bare_url, "/"),
            "poll answered from state (OpenAI family)": (ours, our_url, f"/v1/videos/{task}"),
            "poll answered from state (Ark family)": (ours, our_url, f"/api/v3/contents/generations/tasks/{task}"),
            "refused: wrong key": (ours, our_url, "/v1/videos/x"),
        }
        taken: dict[str, list[dict[str, float]]] = {name: [] for name in subjects}
        for _ in range(options.rounds):
            for name, (process, url, path) in subjects.items():
                shown = "sk-wrong" if name.startswith("refused") else key
                taken[name].append(measured(process, url, path, shown, options))
        figures = {
            name: {figure: statistics.median(one[figure] for one in several) for figure in several[0]}
            for name, several in taken.items()
        }
        figures["gateway process"] = {"start_s": start, "rss_idle_mb": idle, "rss_after_mb": rss_mb(ours.pid)}
        return figures


def table(figures: dict[str, dict[str, float]]) -> str:
    """The figures in Markdown, with the ratio to the bare answer."""
    base = figures["bare ASGI answer"]["cpu_us"]
    lines = ["| what | CPU µs/req, c=16 | × bare | req/s, c=16 | p50 / p99 ms, c=1 |", "|---|---|---|---|---|"]
    for name, row in figures.items():
        if "cpu_us" in row:
            lines.append(
                f"| {name} | {row['cpu_us']:.0f} | {row['cpu_us'] / base:.1f} | {row['rps']:.0f} | {row['p50_ms']:.2f} / {row['p99_ms']:.2f} |"
            )
    process = figures["gateway process"]
    lines += [
        "",
        f"Start to ready {process['start_s']:.2f} s.",
        f"Memory: {process['rss_idle_mb']:.0f} MB idle, {process['rss_after_mb']:.0f} MB after the load.",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=8000)
    options = parser.parse_args()
    figures = rounds(options)
    text = table(figures)
    RESULTS.mkdir(exist_ok=True)
    kept = {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "figures": figures,
    }
    (RESULTS / "latest.json").write_text(json.dumps(kept, indent=2) + "\n")
    (RESULTS / "latest.md").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
