"""The family `videos`: its operations, routes and codecs."""

from proxy.model import Dialect, Profile
from proxy.translate.family import Family
from proxy.translate.operation import Kind, Operation
from proxy.translate.videos import ark, openai

TASKS = "/contents/generations/tasks"

FAMILY = Family(
    name="videos",
    operations=(
        Operation(
            "videos",
            "create",
            Kind.CREATE_TASK,
            {Dialect.OPENAI: (("POST", "/videos"),), Dialect.ARK: (("POST", TASKS),)},
        ),
        Operation("videos", "remix", Kind.CREATE_TASK, {Dialect.OPENAI: (("POST", "/videos/{id}/remix"),)}),
        Operation("videos", "edit", Kind.CREATE_TASK, {Dialect.OPENAI: (("POST", "/videos/edits"),)}),
        Operation("videos", "extend", Kind.CREATE_TASK, {Dialect.OPENAI: (("POST", "/videos/extensions"),)}),
        Operation(
            "videos",
            "list",
            Kind.LIST_TASKS,
            {Dialect.OPENAI: (("GET", "/videos"),), Dialect.ARK: (("GET", TASKS),)},
        ),
        Operation(
            "videos",
            "retrieve",
            Kind.READ_TASK,
            {Dialect.OPENAI: (("GET", "/videos/{id}"),), Dialect.ARK: (("GET", TASKS + "/{id}"),)},
        ),
        Operation(
            "videos",
            "delete",
            Kind.CANCEL_TASK,
            {Dialect.OPENAI: (("DELETE", "/videos/{id}"),), Dialect.ARK: (("DELETE", TASKS + "/{id}"),)},
        ),
        Operation(
            "videos",
            "content",
            Kind.CONTENT,
            {Dialect.OPENAI: (("GET", "/videos/{id}/content"), ("HEAD", "/videos/{id}/content"))},
        ),
    ),
    inbound={Dialect.OPENAI: openai.INBOUND, Dialect.ARK: ark.INBOUND},
    outbound={(Dialect.ARK, Profile.STRICT): ark.OUTBOUND}
    | {(Dialect.OPENAI, profile): codec for profile, codec in openai.OUTBOUND.items()},
)
