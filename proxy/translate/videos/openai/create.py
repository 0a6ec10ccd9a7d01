"""What OpenAI callers send to POST /v1/videos, to neutral: OpenAI-shaped, Ark-shaped as in the quick start, or both (openai-wire.md §5.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from proxy.errors import Problem, Refusal
from proxy.model import JSON, Dialect
from proxy.translate import coerce
from proxy.translate.videos import VideoRequest, fields, items, sizes
from proxy.translate.videos.openai import references
from proxy.translate.wire import Body, Notice

_RATIO = frozenset(sizes.RATIOS)
_LIFTED = frozenset({*fields.ARK_FIELDS, "content"})
_NAMED_IMAGES = ("images", "image")
_DEFAULT_ROLES: Final = {"image_url": "first_frame", "audio_url": "reference_audio"}


class Given(NamedTuple):
    """A value, and what the caller called the field."""

    value: object
    param: str


@dataclass(slots=True)
class _Draft:
    """The request while it is read."""

    lossy: bool
    content: list[JSON] = field(default_factory=list)
    images: tuple[str, ...] = ()
    options: dict[str, object] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    size: str | None = None
    notices: list[Notice] = field(default_factory=list)

    def name(self, ours: str, theirs: str) -> None:
        if ours != theirs:
            self.names[ours] = theirs


def decode_create(body: Body, *, lossy: bool = False) -> VideoRequest:
    """Every field to its Ark counterpart; what is wrong is a 400 that names it as the caller wrote it."""
    given, metadata = _gather(body.fields)
    if "model" not in given:
        raise Refusal(Problem.MISSING_PARAMETER, "model is required.", param="model")
    model = coerce.text(*given.pop("model"))
    draft = _Draft(lossy)
    _content(draft, given)
    _references(draft, given)
    _prompt(draft, given)
    _options(draft, given)
    _size(draft, given)
    callback = draft.options.pop("callback_url", None)
    return VideoRequest(
        model=model,
        dialect=Dialect.OPENAI,
        content=tuple(draft.content),
        options=draft.options,
        size=draft.size,
        images=draft.images,
        metadata=metadata,
        names=draft.names,
        callback_url=callback if isinstance(callback, str) and callback else None,
        notices=tuple(draft.notices),
        lossy=lossy,
        body=body,
    )


def _gather(body: Mapping[str, object]) -> tuple[dict[str, Given], JSON]:
    """The members of the body, of the objects that count as more of it, and Ark's fields in `metadata`; explicit ones win."""
    given = {name: Given(value, name) for name, value in body.items() if value is not None}
    for nest in fields.NESTS:
        if nest in given:
            _below(given, fields.mapping(*given.pop(nest)), nest)
    if "metadata" not in given:
        return given, {}
    value, param = given.pop("metadata")
    metadata = fields.mapping(value, param)
    lifted = {name: member for name, member in metadata.items() if name in _LIFTED}
    _below(given, lifted, param)
    return given, {name: member for name, member in metadata.items() if name not in _LIFTED and name != "model"}


def _below(given: dict[str, Given], members: JSON, prefix: str) -> None:
    """Add what was not said above, under this name or under another name for the same."""
    said = {fields.ALIASES.get(name, name) for name in given}
    for name, member in members.items():
        if fields.ALIASES.get(name, name) not in said:
            given[name] = Given(member, f"{prefix}.{name}")


def _content(draft: _Draft, given: dict[str, Given]) -> None:
    if "content" in given:
        value, param = given.pop("content")
        draft.content.extend(fields.items(value, param))
        draft.name("content", param)


def _references(draft: _Draft, given: dict[str, Given]) -> None:
    """`input_reference` is the first frame; lists of images get their roles where the model is known (VideoRequest.images)."""
    reference = given.pop("input_reference", None)
    loose: list[references.Reference] = []
    if reference is not None:
        found = references.many(*reference)
        if isinstance(fields.opened(*reference), list | tuple):
            loose.extend(found)
        else:
            draft.content.append(_item(draft, found[0], reference.param))
    for name in _NAMED_IMAGES:
        if name in given:
            known = tuple(loose)
            loose.extend([image for image in references.many(*given[name]) if image not in known])
            draft.name("images", given.pop(name).param)
    if reference is not None and loose:
        draft.names.setdefault("images", reference.param)
    _loose(draft, loose)
    for name, (kind, role) in fields.REFERENCES.items():
        if name in given:
            value, param = given.pop(name)
            draft.name(role, param)
            draft.content.extend(_typed(found, kind, role, param) for found in references.many(value, param, kind))


def _item(draft: _Draft, found: references.Reference, param: str) -> JSON:
    role = _DEFAULT_ROLES[found.kind]
    draft.name(role, param)
    return items.media_item(found.kind, found.url, role)


def _typed(found: references.Reference, kind: str, role: str, param: str) -> JSON:
    if found.kind != kind:
        wanted = kind.removesuffix("_url")
        raise Refusal(Problem.INVALID_VALUE, f"{param}: the file is no {wanted}.", param=param)
    return items.media_item(kind, found.url, role)


def _loose(draft: _Draft, loose: list[references.Reference]) -> None:
    param = draft.names.get("images", "images")
    made = [_typed(found, "image_url", "first_frame", param) for found in loose]
    if len(made) == 1:
        draft.name("first_frame", param)
        draft.content.extend(made)
    else:
        draft.images = tuple(found.url for found in loose)


def _prompt(draft: _Draft, given: dict[str, Given]) -> None:
    """The prompt is the first text, unless the content has texts: then it is blank, a copy, or a contradiction."""
    value, param = given.pop("prompt", Given("", "prompt"))
    prompt = fields.text(value, param)
    texts = items.texts(draft.content)
    if not prompt.strip():
        if not draft.content and not draft.images:
            raise Refusal(Problem.MISSING_PARAMETER, "prompt or content is required", param=param)
    elif not texts:
        draft.content.insert(0, items.text_item(prompt))
    elif prompt.strip() not in {*(text.strip() for text in texts), "\n".join(texts).strip()}:
        if not draft.lossy:
            message = f"{param} and the text in content differ; send one of them, or x-arkbridge-lossy: allow to have content win."
            raise Refusal(Problem.CONFLICTING_PARAMETERS, message, param=param)
        draft.notices.append(Notice(param, "not sent, the text in content was taken"))


def _options(draft: _Draft, given: dict[str, Given]) -> None:
    """Ark's fields typed, their aliases, and everything unknown as it is."""
    for name, (value, param) in given.items():
        if name in fields.ARK_FIELDS:
            draft.options[name] = fields.ARK_FIELDS[name](value, param)
            draft.name(name, param)
    for name, (value, param) in given.items():
        if name in fields.ALIASES:
            _alias(draft, fields.ALIASES[name], value, param)
        elif name not in fields.ARK_FIELDS and name != "size":
            draft.options[name] = fields.plain(value, param)
            draft.name(name, param)


def _alias(draft: _Draft, target: str, value: object, param: str) -> None:
    typed = fields.ARK_FIELDS[target](value, param)
    if target not in draft.options:
        draft.options[target] = typed
        draft.name(target, param)
    elif draft.options[target] != typed:
        said = draft.names.get(target, target)
        if target == "duration":
            message = f"{param} is {typed} and {said} is {draft.options[target]}; send one of them."
            raise Refusal(Problem.CONFLICTING_PARAMETERS, message, param=param)
        draft.notices.append(Notice(param, f"not sent, {said} was taken"))


def _size(draft: _Draft, given: dict[str, Given]) -> None:
    """`1280x720` is kept for the codec that knows the model; `720p` is a resolution and `16:9` a ratio."""
    if "size" not in given:
        return
    value, param = given["size"]
    size = coerce.text(value, param).strip()
    if sizes.parse(size) is not None:
        draft.size = size
    elif size.lower() in sizes.TIERS:
        _part(draft, "resolution", size.lower(), param)
    elif size in _RATIO:
        _part(draft, "ratio", size, param)
    else:
        message = (
            f"{param}: {size[:40]!r} is no size; send WIDTHxHEIGHT (1280x720), a resolution (720p) or a ratio (16:9)."
        )
        raise Refusal(Problem.INVALID_VALUE, message, param=param)


def _part(draft: _Draft, target: str, value: str, param: str) -> None:
    if target not in draft.options:
        draft.options[target] = value
        draft.name(target, param)
    elif draft.options[target] != value:
        draft.notices.append(Notice(param, f"not sent, {draft.names.get(target, target)} was taken"))
