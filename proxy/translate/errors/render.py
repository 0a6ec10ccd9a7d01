"""A refusal as an answer: status, headers and body in the caller's dialect. The only place that knows both error codecs."""

from collections.abc import Callable, Mapping
from typing import Final

from proxy.errors import Refusal, UpstreamRefusal
from proxy.model import Dialect
from proxy.translate.errors import ark, openai
from proxy.translate.wire import JSON_TYPE

ENCODERS: Final[Mapping[Dialect, Callable[[Refusal, str], bytes]]] = {
    Dialect.OPENAI: openai.encode,
    Dialect.ARK: ark.encode,
}


def render(refusal: Refusal, dialect: Dialect, request_id: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (names in lower case, without `x-request-id` and `content-length`) and body; `x-should-retry` is never `true`."""
    headers = {"content-type": JSON_TYPE}
    headers.update((name.lower(), value) for name, value in refusal.headers.items())
    if refusal.retry is False:
        headers["x-should-retry"] = "false"
    if isinstance(refusal, UpstreamRefusal):
        if refusal.request_id:
            headers["x-arkbridge-upstream-request-id"] = refusal.request_id
        if refusal.code:
            headers["x-arkbridge-upstream-code"] = refusal.code
    return refusal.status, headers, ENCODERS[dialect](refusal, request_id)
