"""The family `chat`: its operations, routes and codecs. Bots, contexts and batches are Ark's alone."""

from proxy.model import Dialect
from proxy.translate.calls import Calls
from proxy.translate.chat import ark, openai
from proxy.translate.family import Family
from proxy.translate.operation import Kind, Operation

COMPLETIONS = "/chat/completions"
CONTEXT = "context"

FAMILY = Family(
    name="chat",
    operations=(
        Operation(
            "chat",
            "create",
            Kind.STREAM,
            {Dialect.OPENAI: (("POST", COMPLETIONS),), Dialect.ARK: (("POST", COMPLETIONS),)},
        ),
        Operation("chat", "bot", Kind.STREAM, {Dialect.ARK: (("POST", "/bots" + COMPLETIONS),)}),
        Operation("chat", "batch", Kind.STREAM, {Dialect.ARK: (("POST", "/batch" + COMPLETIONS),)}),
        Operation("chat", "in_context", Kind.STREAM, {Dialect.ARK: (("POST", "/context" + COMPLETIONS),)}),
        Operation("chat", "context", Kind.UNARY, {Dialect.ARK: (("POST", "/context/create"),)}, makes=CONTEXT),
    ),
    calls={
        "create": Calls(
            inbound={Dialect.OPENAI: openai.INBOUND, Dialect.ARK: ark.INBOUND},
            outbound={Dialect.OPENAI: openai.OUTBOUND, Dialect.ARK: ark.OUTBOUND},
        ),
        "bot": Calls(inbound={Dialect.ARK: ark.INBOUND}, outbound={Dialect.ARK: ark.BOTS}),
        "batch": Calls(inbound={Dialect.ARK: ark.INBOUND}, outbound={Dialect.ARK: ark.BATCH}),
        "in_context": Calls(inbound={Dialect.ARK: ark.INBOUND}, outbound={Dialect.ARK: ark.IN_CONTEXT}),
        "context": Calls(inbound={Dialect.ARK: ark.CONTEXT_INBOUND}, outbound={Dialect.ARK: ark.CONTEXT}),
    },
)
