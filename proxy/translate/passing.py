"""What the codecs of call families have in common: reading a call, sending it on, reading its answer, and the name that callers see.

Nothing of a caller's headers travels on but what is listed here: never the Authorization (ark-wire.md §5.1).
"""

from collections.abc import Mapping
from typing import Final

import orjson

from proxy.errors import Problem, Refusal, UnreadableAnswer
from proxy.model import JSON, Dialect, Usage
from proxy.translate import coerce, errors, jsonbody
from proxy.translate.calls import CallAnswer, CallRequest, CallSend, Received
from proxy.translate.edits import Edits
from proxy.translate.objects import named_objects
from proxy.translate.wire import JSON_TYPE, WireRequest, WireResponse

TRAVELLING: Final = frozenset({"x-client-request-id"})
"""Headers that go to every upstream as they came."""

ARK_ONLY: Final = frozenset({"x-is-encrypted", "x-session-token", "x-encrypt-info", "x-project-name"})
"""Headers that mean something to Ark alone; so does every `ark-beta-…` (ark-wire.md §5.1)."""


# Members of which an answer that holds more than an error has one.
_CONTENTS: Final = frozenset({"choices", "data", "output"})


def headers_to(upstream: Dialect, received: Received) -> dict[str, str]:
    """The caller's headers that travel on; an encrypted call can go to Ark only, which alone can read it."""
    found = {name: value for name, value in received.headers.items() if name in TRAVELLING}
    if upstream is Dialect.ARK:
        found |= {
            name: value for name, value in received.headers.items() if name in ARK_ONLY or name.startswith("ark-beta-")
        }
    elif received.headers.get("x-is-encrypted", "").strip().lower() == "true":
        message = "An encrypted request can be read by Ark only, and this model is not at Ark. Send it unencrypted."
        raise Refusal(Problem.UNSUPPORTED_PARAMETER, message, param="x-is-encrypted")
    return found


def read_call(received: Received, dialect: Dialect, fields: JSON | None = None) -> CallRequest:
    """A JSON call to neutral: its model, whether it streams, the objects it names. `fields` is the body where somebody else read a form."""
    if fields is None:
        fields = json_fields(received)
    if "model" not in fields:
        raise Refusal(Problem.MISSING_PARAMETER, "model is required.", param="model")
    return CallRequest(
        model=coerce.text(fields["model"], "model"),
        dialect=dialect,
        received=received,
        fields=fields,
        stream="stream" in fields and coerce.boolean(fields["stream"], "stream"),
        objects=named_objects(fields, received.body.raw),
    )


def json_fields(received: Received) -> dict[str, object]:
    """The members of a JSON body, without nulls; a form is a 400."""
    if received.body.form:
        raise Refusal(Problem.INVALID_VALUE, f"This route reads JSON; send the body as {JSON_TYPE}.")
    return {name: value for name, value in received.body.fields.items() if value is not None}


def begin(request: CallRequest, model: str) -> Edits:
    """The changes to a call, with its model under the name that the upstream knows."""
    edits = Edits(request)
    if request.model != model:
        edits.put("model", model)
    return edits


def post(path: str, edits: Edits, upstream: Dialect) -> CallSend:
    """The call as it is sent: the caller's bytes, spliced."""
    request = edits.request
    body = edits.body(drop_nulls=request.dialect is not upstream)
    headers = {"content-type": JSON_TYPE} | headers_to(upstream, request.received)
    return CallSend(
        request=WireRequest(method="POST", path=path, headers=headers, body=body), notices=tuple(edits.notices)
    )


def read_answer(response: WireResponse) -> dict[str, object]:
    """The JSON object of a 2xx answer; one that is nothing but an error is raised as the upstream's refusal."""
    try:
        body = orjson.loads(response.body)
    except orjson.JSONDecodeError as error:
        raise UnreadableAnswer(f"the upstream's answer is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise UnreadableAnswer("the upstream's answer is not a JSON object")
    if body.get("error") and not body.keys() & _CONTENTS:
        raise errors.decode(response)
    return body


def answered(
    response: WireResponse, body: Mapping[str, object], upstream: Dialect, usage: Usage | None = None
) -> CallAnswer:
    """An answer to neutral; the bytes are kept, for callers of the same dialect."""
    model = body.get("model")
    return CallAnswer(
        fields=body, raw=response.body, dialect=upstream, usage=usage, model=model if isinstance(model, str) else None
    )


def shown_model(request: CallRequest, said: str | None) -> str:
    """The name to put where an answer says `said`; "" where nothing is to be replaced, as the names are equal (contract.md §6)."""
    if not said or request.model in ("", said, request.request_model):
        return ""
    return request.model


def named(answer: CallAnswer, request: CallRequest) -> bytes:
    """The answer's bytes under the model name that the caller used."""
    shown = shown_model(request, answer.model)
    return jsonbody.replace_model(answer.raw, shown) if shown else answer.raw
