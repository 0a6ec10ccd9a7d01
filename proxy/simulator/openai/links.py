"""Result links like those of an object store: signed, good for 24 hours, and for nobody's key.

A link is for one method and carries its own proof, so a request that brings an Authorization header too is refused,
as stores refuse two proofs at once: a gateway that sends its upstream key here is found out.
"""

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from proxy.simulator.core import Core
from proxy.simulator.jobs import Job
from proxy.simulator.openai import work

VALID_SECONDS = 86400


def url(core: Core, request: Request, job: Job) -> str:
    """The link of a finished job, dated by its end: the same one at every read."""
    origin = core.settings.base_url or f"{request.url.scheme}://{request.url.netloc}"
    query = {
        "X-Tos-Algorithm": "TOS4-HMAC-SHA256",
        "X-Tos-Date": datetime.fromtimestamp(job.updated, UTC).strftime("%Y%m%dT%H%M%SZ"),
        "X-Tos-Expires": str(VALID_SECONDS),
        "X-Tos-Signature": _signature(core, job),
    }
    return f"{origin.rstrip('/')}/results/{job.id}.mp4?{urlencode(query)}"


def expired(core: Core, job: Job) -> bool:
    """Whether the job's link is past its 24 hours."""
    return core.clock.now() >= job.updated + VALID_SECONDS


def routes(core: Core) -> list[BaseRoute]:
    """The route that links point to; HEAD is another method than the one that was signed."""

    async def result(request: Request) -> Response:
        if request.headers.get("authorization"):
            return Response("Only one way of authentication is allowed in a request.", 400)
        job = core.life.get(request.path_params["id"])
        given = request.query_params.get("X-Tos-Signature", "")
        if request.method != "GET" or job is None or not hmac.compare_digest(given.encode(), _expected(core, job)):
            return Response("The signature does not match.", 403)
        if expired(core, job):
            return Response("The link has expired.", 403)
        return work.deliver(request, job)

    return [Route("/results/{id}.mp4", result, methods=["GET", "HEAD"])]


def _expected(core: Core, job: Job) -> bytes:
    return _signature(core, job).encode()


def _signature(core: Core, job: Job) -> str:
    secret = core.store.facts.get("link_secret")
    if not isinstance(secret, str):
        secret = f"{core.random.getrandbits(256):064x}"
        core.store.set_fact("link_secret", secret)
    return hmac.new(bytes.fromhex(secret), f"{job.id}\n{int(job.updated)}".encode(), hashlib.sha256).hexdigest()
