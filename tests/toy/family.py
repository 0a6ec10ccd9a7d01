"""The family `toy`: its operation, routes and codecs."""

from proxy.model import Dialect
from proxy.translate.calls import Calls
from proxy.translate.family import Family
from proxy.translate.operation import Kind, Operation

from . import ark, openai

FAMILY = Family(
    name="toy",
    operations=(
        Operation("toy", "play", Kind.UNARY, {Dialect.OPENAI: (("POST", "/toy"),), Dialect.ARK: (("POST", "/toy"),)}),
    ),
    calls={
        "play": Calls(
            inbound={Dialect.OPENAI: openai.INBOUND, Dialect.ARK: ark.INBOUND},
            outbound={Dialect.OPENAI: openai.OUTBOUND, Dialect.ARK: ark.OUTBOUND},
        )
    },
)
