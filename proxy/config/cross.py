"""Checks that need more than one key: names that must differ, routes that must lead somewhere, keys that exclude each other."""

from collections.abc import Iterator, Mapping

from proxy.config.near import near
from proxy.config.schema import ModelEntry, StoreSettings, UpstreamEntry, Video
from proxy.config.validate import Checked, Finding


def cross_check(data: Mapping[str, object], checked: Checked, default: str) -> Iterator[Finding]:
    """Every such mistake. `default` is the upstream that exists if none is written."""
    for kind in ("upstream", "model"):
        yield from _doubles(kind, _names(data, kind))
    for index, upstream in checked.listed("upstream", UpstreamEntry).items():
        yield from _upstream(index, upstream)
    for index, model in checked.listed("model", ModelEntry).items():
        yield from _model(index, model)
    store = checked.sections.get("store")
    if isinstance(store, StoreSettings) and not store.url.startswith("sqlite:"):
        yield Finding(
            ("store", "url"), 'this version keeps its data in SQLite only; accepted: "sqlite:///data/arkbridge.db"'
        )
    video = checked.sections.get("video")
    if isinstance(video, Video):
        yield from _archive(video)
    if isinstance(data.get("upstream", []), list):
        known = tuple(dict.fromkeys(_names(data, "upstream").values())) or (default,)
        yield from _leads(data, known)


def _leads(data: Mapping[str, object], known: tuple[str, ...]) -> Iterator[Finding]:
    """Every name of an upstream that is none, read from what was written, so that other mistakes hide none of these."""
    for index, model in _tables(data.get("model")):
        if _strange(model, "upstream", known):
            yield Finding(("model", index, "upstream"), _nowhere(model, "upstream", known))
        for number, route in _tables(model.get("routes")):
            if _strange(route, "upstream", known):
                yield Finding(("model", index, "routes", number, "upstream"), _nowhere(route, "upstream", known))
    models = data.get("models")
    if isinstance(models, dict) and _strange(models, "passthrough", known):
        yield Finding(("models", "passthrough"), _nowhere(models, "passthrough", known) + ', or "" for none')


def _tables(entries: object) -> Iterator[tuple[int, Mapping[str, object]]]:
    if isinstance(entries, list):
        yield from ((index, entry) for index, entry in enumerate(entries) if isinstance(entry, dict))


def _strange(table: Mapping[str, object], key: str, known: tuple[str, ...]) -> bool:
    name = table.get(key)
    return isinstance(name, str) and bool(name) and name not in known


def _nowhere(table: Mapping[str, object], key: str, known: tuple[str, ...]) -> str:
    name = str(table[key])[:64]
    listed = ", ".join(f'"{one}"' for one in known)
    return f"no upstream is called {name!r}{near(name, known)}; accepted: {listed}"


def _names(data: Mapping[str, object], kind: str) -> dict[int, str]:
    """The names as written, also of entries that have other mistakes."""
    named = {index: entry.get("name") for index, entry in _tables(data.get(kind))}
    return {index: name for index, name in named.items() if isinstance(name, str)}


def _doubles(kind: str, names: Mapping[int, str]) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, name in names.items():
        if name in seen:
            yield Finding(
                (kind, index, "name"), f"another [[{kind}]] is called {name!r} too; accepted: a name of its own"
            )
        seen.add(name)


def _upstream(index: int, entry: UpstreamEntry) -> Iterator[Finding]:
    written = entry.model_fields_set
    here = ("upstream", index)
    example = '{ env = "ARK_API_KEY" } or { file = "/run/secrets/ark" }'
    if {"api_key", "api_keys"} <= written:
        yield Finding((*here, "api_keys"), "api_key is there too; accepted: one of the two")
    for key in ("api_key", "api_keys"):
        value = getattr(entry, key)
        if key in written and (value is None or value == () or (key == "api_keys" and None in value)):
            yield Finding((*here, key), f"it names no secret; accepted: {example}")
    if entry.dialect == "ark" and not {"api_key", "api_keys"} & written:
        yield Finding(here, f"api_key is missing, without which Ark answers nothing; accepted: api_key = {example}")
    if entry.dialect == "ark" and entry.profile:
        yield Finding((*here, "profile"), 'the dialect "ark" has no profiles; accepted: "", or dialect = "openai"')


def _archive(video: Video) -> Iterator[Finding]:
    if video.archive == "s3" and not video.archive_bucket:
        yield Finding(
            ("video", "archive_bucket"), 'archive = "s3" needs one; accepted: the name of a bucket: "our-videos"'
        )
    if (video.archive_access_key is None) != (video.archive_secret_key is None):
        lacking = "archive_secret_key" if video.archive_secret_key is None else "archive_access_key"
        yield Finding(("video", lacking), "the two keys go together; accepted: both, or none")


def _model(index: int, entry: ModelEntry) -> Iterator[Finding]:
    here = ("model", index)
    short = entry.model_fields_set & {"upstream", "upstream_model"}
    if bool(short) == bool(entry.routes):
        what = "routes and the short form are both there" if short else "it leads nowhere"
        yield Finding(here, f'{what}; accepted: routes = [ … ], or upstream = "…" and upstream_model = "…"')
    elif len(short) == 1:
        lacking = "upstream" if entry.upstream is None else "upstream_model"
        yield Finding(here, f'{lacking} is missing; accepted: upstream = "…" and upstream_model = "…"')
