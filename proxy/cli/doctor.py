"""`arkbridge doctor`: looks at the whole chain, from the configuration to the upstream, one line for each step."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime

import click

from proxy.app import open_store
from proxy.cli.check import summary
from proxy.cli.frame import with_config, with_json
from proxy.cli.output import cell, show_json
from proxy.config import Config
from proxy.errors import StoreError, TransportError
from proxy.model import Dialect, Upstream
from proxy.translate.wire import WireRequest
from proxy.upstream.client import Client, Timeouts, pinned_transport, stock_transport

OK, WARN, FAIL, SKIP = "ok", "warn", "FAIL", "skip"
LOW_DISK, NO_DISK = 1024**3, 64 * 1024**2
SLOW_CLOCK, WRONG_CLOCK = 30.0, 300.0
REFUSED = frozenset({401, 403})

Probe = Callable[[Upstream, WireRequest], Awaitable[tuple[int, str]]]
"""Sends a request and gives the status and the Date header; raises `TransportError`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: how it is, what was looked at, what was found and what to do."""

    state: str
    what: str
    found: str


@click.command()
@with_json
@with_config
def doctor(*, as_json: bool, config: Config) -> None:
    """Look at the whole chain, up to the upstreams.

    One line each for configuration, files with secrets, database, disk, upstreams and their keys, clock and public address;
    exit 1 if one of them fails.
    """
    findings = asyncio.run(examine(config))
    if as_json:
        show_json([{"state": one.state.lower(), "what": one.what, "found": one.found} for one in findings])
    else:
        for one in findings:
            click.echo(f"{one.state:<4}  {cell(one.what)}: {cell(one.found)}")
    if any(one.state == FAIL for one in findings):
        raise click.exceptions.Exit(1)


async def examine(config: Config) -> list[Finding]:
    """Everything, in the order of the chain."""
    findings = [Finding(OK, "configuration", summary(config).removeprefix("ok: ")), *secret_files(config)]
    findings.append(await database(config))
    findings.append(disk(config))
    async with probing() as probe:
        for upstream in config.upstreams:
            findings += [finding async for finding in upstream_findings(upstream, config, probe, time.time)]
        findings.append(await public_url(config, probe))
    return findings


@asynccontextmanager
async def probing() -> AsyncIterator[Probe]:
    """The client of the gateway, less patient."""
    client = Client(stock_transport(), pinned_transport(), Timeouts(connect=5.0, send=5.0, read=15.0))

    async def probe(upstream: Upstream, request: WireRequest) -> tuple[int, str]:
        answer = await client.send(upstream, request)
        return answer.status, answer.headers.get("date", "")

    try:
        yield probe
    finally:
        await client.close()


def secret_files(config: Config) -> Iterator[Finding]:
    """Files with secrets that other users of this machine can read."""
    own = [config.data_dir / "first-key", *([config.sqlite_path] if config.sqlite_path else [])]
    for file in dict.fromkeys([*config.secret_files, *(path for path in own if path.exists())]):
        if file.stat().st_mode & 0o004:
            yield Finding(WARN, f"file {file}", f"every user of this machine can read it; chmod 600 {file}")
        else:
            yield Finding(OK, f"file {file}", "only its owner and group can read it")


async def database(config: Config) -> Finding:
    """Whether the store opens and takes a write."""
    try:
        async with open_store(config) as store:
            healthy = await store.healthy()
    except (StoreError, OSError) as failed:
        return Finding(FAIL, "database", str(failed))
    where = str(config.sqlite_path)
    if not healthy:
        return Finding(FAIL, "database", f"{where} does not take a write; check its permissions and the disk")
    return Finding(OK, "database", f"{where} opens and takes a write")


def disk(config: Config) -> Finding:
    """Space where our data goes."""
    place = next(path for path in (config.data_dir, *config.data_dir.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    state = FAIL if free < NO_DISK else WARN if free < LOW_DISK else OK
    return Finding(
        state, "disk", f"{free / 1024**3:.1f} GiB free at {config.data_dir}" + "; free some space" * (state != OK)
    )


async def upstream_findings(
    upstream: Upstream, config: Config, probe: Probe, now: Callable[[], float]
) -> AsyncIterator[Finding]:
    """Whether the upstream answers, takes each key, and agrees about the time."""
    what = f"upstream {upstream.name}"
    if config.simulate:
        yield Finding(
            SKIP, what, "it is the built-in simulator, which starts with the gateway; set ARK_API_KEY for real videos"
        )
        return
    date = ""
    keys = upstream.api_keys or (None,)
    for number, key in enumerate(keys, 1):
        label = what if len(keys) == 1 else f"{what}, key {number} of {len(keys)}"
        try:
            status, date = await probe(replace(upstream, api_keys=(key,) if key else ()), listing(upstream))
        except TransportError as failed:
            yield Finding(
                FAIL, label, f"{upstream.base_url} does not answer: {failed.reason}; check base_url and the network"
            )
            return
        yield judged(label, upstream, status)
    yield clock(what, date, now())


def listing(upstream: Upstream) -> WireRequest:
    """The cheapest read that needs a valid key: a list of one task at Ark (ark-wire.md §3.3), the models elsewhere."""
    if upstream.dialect is Dialect.ARK:
        return WireRequest(
            method="GET", path="/contents/generations/tasks", query=(("page_num", "1"), ("page_size", "1"))
        )
    return WireRequest(method="GET", path="/models")


def judged(what: str, upstream: Upstream, status: int) -> Finding:
    """What the answer's status says of upstream and key."""
    where = upstream.base_url
    if status in REFUSED:
        return Finding(
            FAIL, what, f"{where} refuses the key ({status}); check that it is whole, not revoked and of this region"
        )
    if status == 404:
        return Finding(
            WARN,
            what,
            f"{where} answers, but has no {listing(upstream).path} (404); check that base_url ends at the version",
        )
    if status >= 500:
        return Finding(FAIL, what, f"{where} answers with {status}; wait, or ask its operator")
    if status in {200, 429}:
        return Finding(OK, what, f"{where} answers and takes the key" + " (it is busy: 429)" * (status == 429))
    return Finding(WARN, what, f"{where} answers with {status}, which tells nothing of the key")


def clock(what: str, date: str, now: float) -> Finding:
    """How far this machine's clock is from the upstream's Date header."""
    try:
        skew = now - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return Finding(SKIP, f"clock against {what}", "its answer has no date")
    state = FAIL if abs(skew) > WRONG_CLOCK else WARN if abs(skew) > SLOW_CLOCK else OK
    side = "ahead" if skew > 0 else "behind"
    advice = "; set this machine's clock (NTP), for links and expiries are reckoned by it" * (state != OK)
    return Finding(state, f"clock against {what}", f"this machine is {abs(skew):.0f} s {side}{advice}")


async def public_url(config: Config, probe: Probe) -> Finding:
    """Whether the address that upstreams and links use leads here."""
    url = config.server.public_url
    if not url:
        return Finding(
            SKIP, "public address", "server.public_url is empty: upstreams do not call back, tasks are polled"
        )
    target = Upstream(name="public address", dialect=Dialect.OPENAI, base_url=url)
    try:
        status, _ = await probe(target, WireRequest(method="GET", path="/healthz"))
    except TransportError as failed:
        return Finding(
            FAIL,
            "public address",
            f"{url} does not answer: {failed.reason}; start the gateway, check DNS and the proxy before it",
        )
    if status != 200:
        return Finding(
            FAIL,
            "public address",
            f"{url}/healthz answers with {status} and not 200; check what it leads to, and server.allowed_hosts",
        )
    return Finding(OK, "public address", f"{url} leads to a gateway")
