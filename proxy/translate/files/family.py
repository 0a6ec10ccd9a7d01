"""The family `files`: its operations, routes and codecs; only OpenAI has a route for the bytes."""

from collections.abc import Mapping

from proxy.model import Dialect
from proxy.translate.calls import Calls
from proxy.translate.family import Family
from proxy.translate.files import KIND, PATH, FileCodecs, ark, openai
from proxy.translate.files.inbound import DeletedInbound
from proxy.translate.files.outbound import DeletedOutbound
from proxy.translate.operation import Kind, Operation

ONE = PATH + "/{id}"


def _routes(method: str, path: str) -> Mapping[Dialect, tuple[tuple[str, str], ...]]:
    return dict.fromkeys((Dialect.OPENAI, Dialect.ARK), ((method, path),))


FAMILY = Family(
    name="files",
    operations=(
        Operation("files", "create", Kind.UPLOAD, _routes("POST", PATH), makes=KIND, free=True),
        Operation("files", "list", Kind.LIST_OBJECTS, _routes("GET", PATH), free=True),
        Operation("files", "retrieve", Kind.UNARY, _routes("GET", ONE), free=True),
        Operation("files", "delete", Kind.UNARY, _routes("DELETE", ONE), ends=True, free=True),
        Operation("files", "content", Kind.DOWNLOAD, {Dialect.OPENAI: (("GET", ONE + "/content"),)}, free=True),
    ),
    calls={
        "retrieve": Calls(
            inbound={Dialect.OPENAI: openai.INBOUND, Dialect.ARK: ark.INBOUND},
            outbound={Dialect.OPENAI: openai.OUTBOUND, Dialect.ARK: ark.OUTBOUND},
        ),
        "delete": Calls(
            inbound={Dialect.OPENAI: DeletedInbound(openai.INBOUND), Dialect.ARK: DeletedInbound(ark.INBOUND)},
            outbound={Dialect.OPENAI: DeletedOutbound(Dialect.OPENAI), Dialect.ARK: DeletedOutbound(Dialect.ARK)},
        ),
    },
    files=FileCodecs(
        inbound={Dialect.OPENAI: openai.INBOUND, Dialect.ARK: ark.INBOUND},
        outbound={Dialect.OPENAI: openai.OUTBOUND, Dialect.ARK: ark.OUTBOUND},
    ),
)
