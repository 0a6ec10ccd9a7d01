"""The family `responses`: its operations, routes and codecs; both dialects have the same routes."""

from collections.abc import Mapping

from proxy.model import Dialect
from proxy.translate.calls import CallOutbound, Calls
from proxy.translate.family import Family
from proxy.translate.operation import Kind, Operation
from proxy.translate.responses import KIND, ark, openai

ONE = "/responses/{id}"


def _routes(method: str, path: str) -> Mapping[Dialect, tuple[tuple[str, str], ...]]:
    return dict.fromkeys((Dialect.OPENAI, Dialect.ARK), ((method, path),))


def _stored(at_openai: CallOutbound, at_ark: CallOutbound) -> Calls:
    return Calls(
        inbound={Dialect.OPENAI: openai.STORED_INBOUND, Dialect.ARK: ark.STORED_INBOUND},
        outbound={Dialect.OPENAI: at_openai, Dialect.ARK: at_ark},
    )


FAMILY = Family(
    name="responses",
    operations=(
        Operation("responses", "create", Kind.STREAM, _routes("POST", "/responses"), makes=KIND),
        Operation("responses", "retrieve", Kind.STREAM, _routes("GET", ONE), free=True),
        Operation("responses", "delete", Kind.UNARY, _routes("DELETE", ONE), ends=True, free=True),
        Operation("responses", "input_items", Kind.UNARY, _routes("GET", ONE + "/input_items"), free=True),
    ),
    calls={
        "create": Calls(
            inbound={Dialect.OPENAI: openai.INBOUND, Dialect.ARK: ark.INBOUND},
            outbound={Dialect.OPENAI: openai.CREATE, Dialect.ARK: ark.CREATE},
        ),
        "retrieve": _stored(openai.RETRIEVE, ark.RETRIEVE),
        "delete": _stored(openai.DELETE, ark.DELETE),
        "input_items": _stored(openai.INPUT_ITEMS, ark.INPUT_ITEMS),
    },
)
