"""What both envelopes share."""

import pytest

from proxy.errors import Problem, Refusal, UpstreamRefusal
from proxy.model import Dialect
from proxy.translate.errors.envelope import code_of, message_of, param_of


def test_bug_of_ours_says_only_the_request_id() -> None:
    """What went wrong inside is for the log, not for the caller."""
    message = message_of(Refusal(Problem.INTERNAL, "KeyError: 'secret' at /srv/x.py"), "req-1")
    assert "req-1" in message
    assert "secret" not in message


def test_words_that_cannot_be_sent_are_mended() -> None:
    """Half a surrogate pair, which no JSON can hold, does not break the answer to an error."""
    refusal = Refusal(Problem.INVALID_VALUE, "bad \ud800", param="a\udc00")
    assert message_of(refusal, "") == "bad ?"
    assert param_of(refusal) == "a?"


BARE = (
    (400, "invalid_value", "InvalidParameter"),
    (403, "permission_denied", "OperationDenied.PermissionDenied"),
    (404, "not_found", "NotFound"),
    (405, "method_not_allowed", "InvalidAction"),
    (410, "not_found", "NotFound"),
    (413, "request_too_large", "RequestTooLarge"),
    (416, "range_not_satisfiable", "InvalidParameter"),
    (422, "invalid_value", "InvalidParameter"),
    (429, "rate_limit_exceeded", "RateLimitExceeded.EndpointRPMExceeded"),
    (500, "upstream_unreadable", "ServiceUnavailable"),
    (503, "upstream_unavailable", "ServiceUnavailable"),
)


@pytest.mark.parametrize(("status", "openai", "ark"), BARE)
def test_bare_statuses_get_a_code(status: int, openai: str, ark: str) -> None:
    """An upstream that gave no code gets the one that its status stands for in the caller's family."""
    refusal = UpstreamRefusal(status, "", "m")
    assert (code_of(refusal, Dialect.OPENAI), code_of(refusal, Dialect.ARK)) == (openai, ark)


@pytest.mark.parametrize("dialect", Dialect)
def test_codes_of_upstreams_are_the_same_in_both(dialect: Dialect) -> None:
    """An upstream's own code is not translated, so clients may match on it."""
    assert (
        code_of(UpstreamRefusal(400, "OutputVideoSensitiveContentDetected", "m"), dialect)
        == "OutputVideoSensitiveContentDetected"
    )
