"""The family `embeddings`: its operations, routes and codecs."""

from proxy.model import Dialect
from proxy.translate.calls import CallOutbound, Calls
from proxy.translate.embeddings import ark, openai
from proxy.translate.family import Family
from proxy.translate.operation import Kind, Operation


def _at_ark(verb: str, path: str, *, free: bool = False) -> Operation:
    """An operation that only Ark has, at one path."""
    return Operation("embeddings", verb, Kind.UNARY, {Dialect.ARK: (("POST", path),)}, free=free)


def _only_ark(outbound: CallOutbound) -> Calls:
    return Calls(inbound={Dialect.ARK: ark.INBOUND}, outbound={Dialect.ARK: outbound})


FAMILY = Family(
    name="embeddings",
    operations=(
        Operation(
            "embeddings",
            "create",
            Kind.UNARY,
            {Dialect.OPENAI: (("POST", "/embeddings"),), Dialect.ARK: (("POST", "/embeddings"),)},
        ),
        _at_ark("multimodal", "/embeddings/multimodal"),
        _at_ark("batch", "/batch/embeddings"),
        _at_ark("batch_multimodal", "/batch/embeddings/multimodal"),
        _at_ark("tokenize", "/tokenization", free=True),
    ),
    calls={
        "create": Calls(
            inbound={Dialect.OPENAI: openai.INBOUND, Dialect.ARK: ark.INBOUND},
            outbound={Dialect.OPENAI: openai.CREATE, Dialect.ARK: ark.CREATE},
        ),
        "multimodal": _only_ark(ark.MULTIMODAL),
        "batch": _only_ark(ark.BATCH),
        "batch_multimodal": _only_ark(ark.BATCH_MULTIMODAL),
        "tokenize": _only_ark(ark.TOKENIZE),
    },
)
