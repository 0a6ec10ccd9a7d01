"""Refusals that several parts of the gateway give: our account, an upstream out of reach, an outcome that is not known."""

from dataclasses import replace

from proxy.errors import NotSent, OutcomeUnknown, Problem, Refusal, UpstreamRefusal
from proxy.model import Upstream
from proxy.translate import errors
from proxy.translate.wire import WireResponse

GONE = b"***"
"""What stands where a key stood."""


def configured(upstream: Upstream | None, name: str) -> Upstream:
    """The upstream of an old task; a refusal if the configuration does not have it any more."""
    if upstream is None:
        raise Refusal(
            Problem.UNSUPPORTED_OPERATION,
            f"The upstream {name} that made this video is not configured here any more, so nothing can be done with it there.",
        )
    return upstream


def scrubbed(upstream: Upstream, response: WireResponse) -> WireResponse:
    """The answer without our keys: some upstreams repeat the key that they refuse, and it must reach no caller, row or log."""
    body = response.body
    for key in upstream.api_keys:
        body = body.replace(key.reveal().encode(), GONE)
    return response if body == response.body else replace(response, body=body)


def judged(upstream: Upstream, refusal: UpstreamRefusal) -> Refusal:
    """The upstream's refusal as callers may see it: trouble with *our* account is a 502 with a fixed text (contract.md §8)."""
    if not errors.account_problem(refusal):
        return refusal
    return Refusal(
        Problem.UPSTREAM_ACCOUNT,
        f"The upstream {upstream.name} does not accept this gateway's account for this request. Tell whoever runs the gateway.",
        headers={"x-arkbridge-upstream-code": refusal.code or str(refusal.upstream_status)},
    )


def unexplained(upstream: Upstream, how: str) -> Refusal:
    """An answer to a create that leaves open whether a video was bought."""
    return Refusal(
        Problem.UPSTREAM_AMBIGUOUS,
        f"The upstream {upstream.name} answered the create {how}, so it is not known whether a video was bought. "
        "Look at the list of tasks before repeating it.",
    )


def too_busy(upstream: str) -> Refusal:
    """The account's limits for this second are used up, so nothing was done."""
    return Refusal(
        Problem.RATE_LIMIT,
        f"The account at the upstream {upstream} has no request left for this second, so nothing was deleted. Try again.",
        headers={"retry-after": "1"},
    )


def unavailable(broken: NotSent) -> Refusal:
    """Nothing was sent, so the SDK may repeat it."""
    return Refusal(
        Problem.UPSTREAM_UNAVAILABLE,
        f"The upstream {broken.upstream} cannot be reached ({broken.reason}). Nothing was sent; try again.",
        headers={"retry-after": "2"},
    )


def ambiguous(broken: OutcomeUnknown) -> Refusal:
    """Something was sent and no answer came: an SDK must not repeat it by itself."""
    return Refusal(
        Problem.UPSTREAM_TIMEOUT if broken.timed_out else Problem.UPSTREAM_AMBIGUOUS,
        f"The request was sent to the upstream {broken.upstream}, but {broken.reason}, so it is not known whether a video was bought. "
        "Look at the list of tasks before repeating it.",
    )
