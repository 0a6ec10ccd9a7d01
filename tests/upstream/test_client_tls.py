"""TLS towards upstreams and guarded addresses: certificates are verified for the name, and a failure after the handshake is no bug."""

import os
import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest

from proxy.errors import NotSent, OutcomeUnknown
from proxy.guard import Destination
from proxy.model import Dialect, Upstream
from proxy.translate.wire import WireRequest
from proxy.upstream.client import Client, Timeouts, pinned_transport, stock_transport
from tests.support.raw import NOBODY, Request, always, descriptors_fall_to, ok, open_descriptors, raw
from tests.support.require import program

PATIENT = Timeouts(connect=10, send=10, read=10)
GET = WireRequest(method="GET", path="/tasks/1")
NAMES = "DNS:media.example,DNS:localhost,IP:127.0.0.1"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for `NAMES`, in one file, good for two days."""
    folder = tmp_path_factory.mktemp("tls")
    key, made = folder / "key.pem", folder / "made.pem"
    words = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=tests",
    ]
    command = [program("openssl", "openssl"), *words, "-addext", f"subjectAltName={NAMES}"]
    subprocess.run([*command, "-keyout", key, "-out", made], check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes(key.read_bytes() + made.read_bytes())
    return both


@pytest.fixture(scope="module")
def trust(certificate: Path) -> ssl.SSLContext:
    """Accepts that certificate and no other."""
    return ssl.create_default_context(cafile=certificate)


@pytest.fixture
def asked() -> list[str | None]:
    """The names that clients asked a server for."""
    return []


@pytest.fixture
def serving(certificate: Path, asked: list[str | None]) -> ssl.SSLContext:
    """What the server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _connection, name, _context: asked.append(name)
    return context


@asynccontextmanager
async def client(trust: ssl.SSLContext) -> AsyncIterator[Client]:
    """A client that trusts only this."""
    made = Client(stock_transport(trust), pinned_transport(trust), PATIENT)
    yield made
    await made.close()


def upstream(host: str, port: int) -> Upstream:
    """An upstream behind TLS."""
    return Upstream(name="up", dialect=Dialect.ARK, base_url=f"https://{host}:{port}")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_an_upstream_is_verified_by_its_name(serving: ssl.SSLContext, trust: ssl.SSLContext, host: str) -> None:
    """An upstream whose certificate is trusted and names it is spoken to, twice over one connection."""
    async with raw(always(ok()), serving) as server, client(trust) as made:
        for _ in range(2):
            assert (await made.send(upstream(host, server.port), GET)).body == b"{}"
        assert server.accepted == 1


async def test_a_certificate_that_nobody_vouches_for_is_refused(serving: ssl.SSLContext) -> None:
    """Nothing is sent to an upstream, and nothing fetched from an address, whose certificate is not trusted."""
    seen: list[Request] = []
    before = open_descriptors()
    async with raw(always(ok(), seen), serving) as server, client(NOBODY) as made:
        with pytest.raises(NotSent):
            await made.send(upstream("localhost", server.port), GET)
        with pytest.raises(NotSent):
            async with made.fetch("up", Destination("https", "media.example", server.port, "127.0.0.1", "/"), {}):
                pass
    assert seen == []
    await descriptors_fall_to(before)


async def test_a_pinned_address_is_verified_by_its_name(
    serving: ssl.SSLContext, trust: ssl.SSLContext, asked: list[str | None]
) -> None:
    """A fetch connects to the address, and asks for and verifies the name that was admitted."""
    seen: list[Request] = []
    async with raw(always(ok(), seen), serving) as server, client(trust) as made:
        where = Destination("https", "media.example", server.port, "127.0.0.1", "/v.mp4")
        async with made.fetch("up", where, {}) as stream:
            assert stream.status == 200
    assert asked == ["media.example"]
    assert seen[0].headers["host"] == f"media.example:{server.port}"


async def test_a_pinned_address_with_the_certificate_of_another_name_is_refused(
    serving: ssl.SSLContext, trust: ssl.SSLContext
) -> None:
    """That the certificate fits the address is not enough: it must fit the name."""
    async with raw(always(ok()), serving) as server, client(trust) as made:
        with pytest.raises(NotSent):
            async with made.fetch("up", Destination("https", "other.example", server.port, "127.0.0.1", "/"), {}):
                pass


@contextmanager
def breaks_after_the_request(serving: ssl.SSLContext) -> Iterator[int]:
    """A port that reads one request over TLS and answers with bytes that are no TLS record."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            accepted, _ = listening.accept()
            with serving.wrap_socket(accepted, server_side=True) as secure:
                secure.recv(65536)
                os.write(secure.fileno(), b"this is no TLS record, it only looks like bytes" * 9)
                with suppress(OSError):
                    secure.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)


async def test_a_broken_record_leaves_the_outcome_unknown(serving: ssl.SSLContext, trust: ssl.SSLContext) -> None:
    """Once the request is out, TLS that falls apart is `OutcomeUnknown` like any broken connection, and nothing stays open."""
    before = open_descriptors()
    with breaks_after_the_request(serving) as port:
        async with client(trust) as made:
            with pytest.raises(OutcomeUnknown) as unknown:
                await made.send(upstream("localhost", port), GET)
    assert not unknown.value.timed_out
    await descriptors_fall_to(before)
