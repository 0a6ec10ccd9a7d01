"""The family `images`: its operations, routes and codecs; edits have a route of their own at OpenAI only."""

from proxy.model import Dialect
from proxy.translate.calls import Calls
from proxy.translate.family import Family
from proxy.translate.images import EDITS, GENERATIONS, ark, openai
from proxy.translate.operation import Kind, Operation

FAMILY = Family(
    name="images",
    operations=(
        Operation(
            "images",
            "generate",
            Kind.STREAM,
            {Dialect.OPENAI: (("POST", GENERATIONS),), Dialect.ARK: (("POST", GENERATIONS),)},
        ),
        Operation("images", "edit", Kind.STREAM, {Dialect.OPENAI: (("POST", EDITS),)}),
    ),
    calls={
        "generate": Calls(
            inbound={Dialect.OPENAI: openai.INBOUND, Dialect.ARK: ark.INBOUND},
            outbound={Dialect.OPENAI: openai.GENERATE, Dialect.ARK: ark.GENERATE},
        ),
        "edit": Calls(
            inbound={Dialect.OPENAI: openai.EDIT_INBOUND},
            outbound={Dialect.OPENAI: openai.EDIT, Dialect.ARK: ark.EDIT},
        ),
    },
)
