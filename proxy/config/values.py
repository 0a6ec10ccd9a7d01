"""The configuration as the rest of the program reads it, and how it is put together from what was validated."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from proxy.config.aliases import ARK_CN, aliases, currency
from proxy.config.forms import Sources
from proxy.config.schema import (
    Accounting,
    Callbacks,
    Console,
    Log,
    ModelEntry,
    Models,
    Section,
    Server,
    StoreSettings,
    UpstreamEntry,
    Video,
)
from proxy.config.validate import Checked
from proxy.model import Dialect, ModelRoute, Profile, Secret, Upstream

ARK_VARIABLE = "ARK_API_KEY"
SIMULATOR = "simulator"
SQLITE = "sqlite:///"

Table = TypeVar("Table", bound=Section)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that can be configured. `path` is the file it came from; `secret_files` are the files that secrets were read from.

    `simulate` says that there was no upstream and no key for one: the only upstream is then the built-in simulator, whose `base_url` is
    known when it has started (`with_simulator`).
    """

    path: Path | None
    server: Server
    store: StoreSettings
    upstreams: tuple[Upstream, ...]
    models: Mapping[str, tuple[ModelRoute, ...]]
    passthrough: str | None
    accounting: Accounting
    video: Video
    callbacks: Callbacks
    console: Console
    log: Log
    simulate: bool
    secret_files: tuple[Path, ...]

    @property
    def sqlite_path(self) -> Path | None:
        """The database file, or None if the store is no SQLite."""
        return Path(self.store.url.removeprefix(SQLITE)) if self.store.url.startswith(SQLITE) else None

    @property
    def data_dir(self) -> Path:
        """Where our own files go: beside the SQLite database, else ./data."""
        return self.sqlite_path.parent if self.sqlite_path else Path("data")

    def with_simulator(self, base_url: str) -> "Config":
        """The same, with the address at which the built-in simulator answers (`http://127.0.0.1:P/api/v3`)."""
        moved = tuple(replace(one, base_url=base_url) if one.name == SIMULATOR else one for one in self.upstreams)
        return replace(self, upstreams=moved) if self.simulate else self

    def known_secrets(self) -> Iterator[Secret]:
        """Every secret that no log line and no answer may show."""
        for upstream in self.upstreams:
            yield from upstream.api_keys
        for secret in (self.server.secret, self.video.archive_access_key, self.video.archive_secret_key):
            if secret:
                yield secret
        for url in (self.store.url, self.store.redis_url):
            password = urlsplit(url).password
            if password:
                yield Secret(password)
                yield Secret(unquote(password))


def default_upstream(environ: Mapping[str, str]) -> Upstream:
    """The upstream that exists when none is written: Ark if there is a key for it in the environment, else the built-in simulator."""
    if environ.get(ARK_VARIABLE):
        key = Sources(environ).read("env", ARK_VARIABLE)
        return Upstream(name="ark", dialect=Dialect.ARK, base_url=ARK_CN, api_keys=(key,), currency=currency(ARK_CN))
    return Upstream(name=SIMULATOR, dialect=Dialect.ARK, base_url="", api_keys=(Secret("any-key-is-good-here"),))


def assemble(checked: Checked, default: Upstream | None, path: Path | None, sources: Sources) -> Config:
    """Put together what has no mistakes; `default` is the upstream that exists when none is written."""
    upstreams = tuple(_upstream(entry) for entry in checked.listed("upstream", UpstreamEntry).values())
    if default:
        upstreams = (default,)
    passthrough = _passthrough(_section(checked, Models).passthrough, upstreams)
    return Config(
        path=path,
        server=_section(checked, Server),
        store=_section(checked, StoreSettings),
        upstreams=upstreams,
        models=MappingProxyType(_models(checked, upstreams, passthrough)),
        passthrough=passthrough,
        accounting=_section(checked, Accounting),
        video=_section(checked, Video),
        callbacks=_section(checked, Callbacks),
        console=_section(checked, Console),
        log=_section(checked, Log),
        simulate=default is not None and default.name == SIMULATOR,
        secret_files=tuple(sources.files),
    )


def _section(checked: Checked, kind: type[Table]) -> Table:
    found = next((section for section in checked.sections.values() if isinstance(section, kind)), None)
    return found or kind()


def _upstream(entry: UpstreamEntry) -> Upstream:
    return Upstream(
        name=entry.name,
        dialect=Dialect(entry.dialect),
        base_url=entry.base_url,
        api_keys=tuple(key for key in (entry.api_key, *entry.api_keys) if key),
        profile=Profile(entry.profile or Profile.STRICT),
        currency=entry.currency or currency(entry.base_url),
        media_origins=entry.media_origins,
        retired=entry.retired,
        limits=MappingProxyType(entry.limits.model_dump()),
    )


def _passthrough(written: str | None, upstreams: tuple[Upstream, ...]) -> str | None:
    if written is not None:
        return written or None
    working = [upstream.name for upstream in upstreams if not upstream.retired]
    return working[0] if len(working) == 1 else None


def _models(
    checked: Checked, upstreams: tuple[Upstream, ...], passthrough: str | None
) -> dict[str, tuple[ModelRoute, ...]]:
    """The built-in aliases, then what is configured, which wins."""
    models: dict[str, tuple[ModelRoute, ...]] = {}
    target = _alias_target(upstreams, passthrough)
    if target:
        models = {name: (ModelRoute(target.name, there),) for name, there in aliases(target.base_url).items()}
    for entry in checked.listed("model", ModelEntry).values():
        models[entry.name] = _routes(entry)
    return models


def _alias_target(upstreams: tuple[Upstream, ...], passthrough: str | None) -> Upstream | None:
    """Where the built-in aliases lead: to the passthrough upstream if it speaks Ark, else to the first that does."""
    ark = [one for one in upstreams if one.dialect is Dialect.ARK and not one.retired]
    return next((one for one in ark if one.name == passthrough), ark[0] if ark else None)


def _routes(entry: ModelEntry) -> tuple[ModelRoute, ...]:
    if entry.upstream and entry.upstream_model:
        return (ModelRoute(entry.upstream, entry.upstream_model),)
    return tuple(ModelRoute(route.upstream, route.upstream_model, route.weight) for route in entry.routes)
