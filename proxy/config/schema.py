"""The keys of the configuration, their types, defaults and accepted forms (contract.md §4): the one list that everything else is compared with.

A field's description is its accepted form, as shown to whoever wrote something else.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from proxy.config.forms import (
    ByteSize,
    DatabaseUrl,
    Hosts,
    Networks,
    Origins,
    RedisUrl,
    SecretValue,
    TimeZone,
    WebAddress,
)
from proxy.model import ACCOUNT_LIMITS


class Section(BaseModel):
    """A table of the file: frozen, strict, and without room for keys it does not know."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Server(Section):
    """[server]: where the gateway listens and whom it trusts."""

    host: str = Field("127.0.0.1", min_length=1, description='an address or name to listen on: "127.0.0.1"')
    port: int = Field(8686, ge=0, le=65535, description="a port from 1 to 65535, or 0 for any free one: 8686")
    public_url: WebAddress = Field("", description='an http(s) address or "": "https://gw.example.com"')
    allowed_hosts: Hosts = Field((), description='a list of host names without scheme and path: ["gw.example.com"]')
    trusted_proxies: Networks = Field((), description='a list of addresses or networks: ["10.0.0.0/8"]')
    max_body: ByteSize = Field(
        64 * 1024 * 1024, ge=1024, description='bytes, or a size with KiB, MiB or GiB, from 1KiB: "64MiB"'
    )
    secret: SecretValue = Field(
        None, description='{ env = "NAME" } or { file = "/path" }, or {} to have one generated and kept in the store'
    )


class StoreSettings(Section):
    """[store]: where callers, tasks and the ledger are kept. The addresses may hold passwords, so no repr shows them."""

    url: DatabaseUrl = Field(
        "sqlite:///data/arkbridge.db",
        repr=False,
        description='"sqlite:///data/arkbridge.db" or "postgresql://user:password@host/name"',
    )
    redis_url: RedisUrl = Field("", repr=False, description='"redis://host:6379/0" or ""')


class Limits(Section):
    """limits of an [[upstream]]: what its account allows a second."""

    get: float = Field(ACCOUNT_LIMITS["get"], gt=0, le=100_000, description="reads of tasks a second, above 0: 20")
    list: float = Field(ACCOUNT_LIMITS["list"], gt=0, le=100_000, description="lists of tasks a second, above 0: 1")
    delete: float = Field(ACCOUNT_LIMITS["delete"], gt=0, le=100_000, description="deletes a second, above 0: 20")


class UpstreamEntry(Section):
    """[[upstream]]: one account at one provider."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z",
        description='up to 64 letters, digits, dots, dashes and underscores: "ark"',
    )
    dialect: Literal["ark", "openai"] = Field(description='"ark" or "openai"')
    profile: Literal["", "strict", "newapi", "vllm-omni", "sglang"] = Field(
        "", description='"" or, with dialect = "openai", "strict", "newapi", "vllm-omni" or "sglang"'
    )
    base_url: WebAddress = Field(
        min_length=1, description='an http(s) address: "https://ark.cn-beijing.volces.com/api/v3"'
    )
    api_key: SecretValue = Field(None, description='{ env = "ARK_API_KEY" } or { file = "/run/secrets/ark" }')
    api_keys: Annotated[tuple[SecretValue, ...], Field(strict=False)] = Field(
        (), description='a list such as [ { env = "ARK_API_KEY" }, { file = "/run/secrets/ark" } ]'
    )
    currency: str | None = Field(
        None,
        pattern=r"^[A-Z]{3}\z",
        description='a currency in three capital letters: "CNY"; without the key: inferred',
    )
    media_origins: Origins = Field((), description='a list of origins: ["https://media.example.com"]')
    limits: Limits = Field(default=Limits(), description="a table such as { get = 20, list = 1, delete = 20 }")
    retired: bool = Field(default=False, description="true or false")


class RouteEntry(Section):
    """One route of a [[model]]."""

    upstream: str = Field(min_length=1, description='the name of an [[upstream]]: "ark"')
    upstream_model: str = Field(min_length=1, description="the model's name there, a text that is not empty")
    weight: int = Field(1, ge=1, description="a whole number from 1")


class ModelEntry(Section):
    """[[model]]: what callers say and where it leads, by `routes` or by the short form for one route."""

    name: str = Field(min_length=1, description='the name that callers say: "seedance-2.0-fast"')
    routes: Annotated[tuple[RouteEntry, ...], Field(strict=False)] = Field(
        (), description='a list such as [ { upstream = "ark", upstream_model = "…", weight = 1 } ]'
    )
    upstream: str | None = Field(None, min_length=1, description='the name of an [[upstream]]: "ark"')
    upstream_model: str | None = Field(
        None, min_length=1, description="the model's name at that upstream, a text that is not empty"
    )


class Models(Section):
    """[models]: what happens to a model that is not listed."""

    passthrough: str | None = Field(
        None, description='the name of an [[upstream]], or "" for none; without the key: the only upstream'
    )


class Accounting(Section):
    """[accounting]: how days and months are counted."""

    timezone: TimeZone = Field("UTC", description='a time zone by its IANA name: "UTC" or "Asia/Shanghai"')


class Video(Section):
    """[video]: what is kept of video tasks."""

    archive: Literal["off", "local", "s3"] = Field("off", description='"off", "local" or "s3"')
    archive_path: str = Field(
        "", description='a directory, or with archive = "s3" how the names of its objects begin: "data/archive"'
    )
    archive_days: int = Field(30, ge=0, le=36500, description="days from 1, or 0 for ever: 30")
    archive_max_size: ByteSize = Field(
        1024**3, ge=1024, description='bytes, or a size with KiB, MiB or GiB, from 1KiB: "1GiB"'
    )
    archive_endpoint: WebAddress = Field(
        "", description='an http(s) address or "" for AWS: "https://tos-s3-cn-beijing.volces.com"'
    )
    archive_region: str = Field("", pattern=r"^[A-Za-z0-9-]{0,64}\z", description='a region or "": "cn-beijing"')
    archive_bucket: str = Field(
        "", pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{1,254})?\z", description='the name of a bucket: "our-videos"'
    )
    archive_access_key: SecretValue = Field(
        None, description='{ env = "NAME" } or { file = "/path" }, or {} for what AWS\'s own tools would use'
    )
    archive_secret_key: SecretValue = Field(
        None, description='{ env = "NAME" } or { file = "/path" }, or {} for what AWS\'s own tools would use'
    )
    keep_prompts: bool = Field(default=True, description="true or false")


class Callbacks(Section):
    """[callbacks]: where callers' callbacks may go."""

    allow_private: bool = Field(default=False, description="true or false")


class Console(Section):
    """[console]: the web console."""

    enabled: bool = Field(default=True, description="true or false")


class Log(Section):
    """[log]: the log lines."""

    format: Literal["json", "text"] = Field("json", description='"json" or "text"')
    bodies: bool = Field(default=False, description="true or false")


SECTIONS: Mapping[str, type[Section]] = {
    "server": Server,
    "store": StoreSettings,
    "upstream": UpstreamEntry,
    "model": ModelEntry,
    "models": Models,
    "accounting": Accounting,
    "video": Video,
    "callbacks": Callbacks,
    "console": Console,
    "log": Log,
}
"""The whole file. It is no model of its own: each table is validated by itself, and the program starts sooner."""

LISTS = frozenset({"upstream", "model"})
"""The tables that are repeated, as `[[upstream]]`."""


def table_at(path: tuple[str | int, ...]) -> type[Section]:
    """The table that holds the key at `path` (list indexes included), which is below a known section."""
    section, *inner = (name for name in path if isinstance(name, str))
    table = SECTIONS[section]
    for name in inner[:-1]:
        table = _inner(table.model_fields[name]) or table
    return table


def field_at(path: tuple[str | int, ...]) -> FieldInfo | None:
    """What is declared of the key at `path`, or None."""
    names = [name for name in path if isinstance(name, str)]
    known = len(names) > 1 and names[0] in SECTIONS
    return table_at(path).model_fields.get(names[-1]) if known else None


def known_keys() -> Iterator[str]:
    """Every key that a file may have: `server.port`, `upstream[].name`, `model[].routes[].weight` …"""
    for section, table in SECTIONS.items():
        yield from _keys(table, section + ("[]." if section in LISTS else "."))


def _keys(table: type[Section], prefix: str) -> Iterator[str]:
    for name, field in table.model_fields.items():
        yield prefix + name
        inner = _inner(field)
        if inner:
            yield from _keys(inner, f"{prefix}{name}" + ("." if inner is field.annotation else "[]."))


def _inner(field: FieldInfo) -> type[Section] | None:
    """The table that a key is, or that its list holds."""
    for candidate in (field.annotation, *get_args(field.annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Section):
            return candidate
    return None
