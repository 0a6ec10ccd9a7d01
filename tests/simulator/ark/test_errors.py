"""Ark's error bodies."""

import random
import re

import orjson
import pytest

from proxy.simulator.ark.errors import ArkError, invalid, missing, of_failed_task, render, request_id, unsupported

RID = request_id(1_784_279_786.983, random.Random(1))


def test_a_request_id_has_the_form_of_the_real_ones() -> None:
    """`02`, the time in milliseconds, zeros, then hexadecimal digits."""
    assert re.fullmatch(r"021784279786983[0-9a-f]{38}", RID)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "BadRequest"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "NotFound"),
        (413, "BadRequest"),
        (429, "TooManyRequests"),
        (500, "InternalServerError"),
    ],
)
def test_the_body_has_four_keys_and_the_request_id_twice(status: int, kind: str) -> None:
    """Code, message, param and type; the message's tail and the header name the same request."""
    response = render(ArkError(status, "SomeCode", "Something."), RID)
    assert response.status_code == status
    assert response.headers["x-request-id"] == RID
    expected = {"code": "SomeCode", "message": f"Something. Request id: {RID}", "param": "", "type": kind}
    assert orjson.loads(response.body) == {"error": expected}


def test_refusals_name_their_parameter() -> None:
    """Invalid, missing and unsupported parameters have their codes and say which it is."""
    errors = [invalid("ratio", "no"), missing("ratio"), unsupported("ratio", "m")]
    assert [error.code for error in errors] == [
        "InvalidParameter",
        "MissingParameter",
        "InvalidParameter.UnsupportedParameter",
    ]
    assert {error.param for error in errors} == {"ratio"}
    assert all("`ratio`" in error.message for error in errors)


def test_a_failed_task_has_code_and_message_only() -> None:
    """The message is the real one where it is known, with a request id at its end."""
    error = of_failed_task("OutputVideoSensitiveContentDetected.PolicyViolation", RID)
    assert error == {
        "code": "OutputVideoSensitiveContentDetected.PolicyViolation",
        "message": "The request failed because the output video may be related to copyright restrictions. "
        f"Request id: {RID}",
    }
    assert of_failed_task("Some.Code", RID)["message"].endswith(RID)
