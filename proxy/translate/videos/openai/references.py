"""Images, videos and sounds as OpenAI callers send them: a file, a link, an object around a link, or a list of these (openai-wire.md §5.1)."""

from collections.abc import Mapping
from dataclasses import dataclass

from proxy.errors import Problem, Refusal
from proxy.translate.media import data_url, sniff
from proxy.translate.videos import fields
from proxy.translate.wire import Upload

# What a link may be called inside an object (Together, OpenRouter, evolink and OpenAI habits).
_LINKS = ("url", "image_url", "video_url", "audio_url", "image", "video", "audio")


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference: the content item type it is, and its link or data URL."""

    kind: str
    url: str


def one(value: object, param: str, kind: str = "image_url") -> Reference:
    """A single reference; `kind` is what a link counts as, a file is what its bytes say."""
    value = fields.opened(value, param)
    if isinstance(value, Upload):
        return _file(value, param)
    if isinstance(value, Mapping):
        return Reference(kind, _link(value, param))
    if isinstance(value, str) and value.strip():
        return Reference(kind, value.strip())
    raise Refusal(
        Problem.INVALID_VALUE, f"{param}: a file, a URL, a data URL or {{'image_url': …}} is wanted.", param=param
    )


def many(value: object, param: str, kind: str = "image_url") -> tuple[Reference, ...]:
    """A list of references; a single one counts as a list of one."""
    value = fields.opened(value, param)
    if not isinstance(value, list | tuple):
        return (one(value, param, kind),)
    return tuple(one(item, f"{param}[{index}]", kind) for index, item in enumerate(value) if item is not None)


def _link(value: Mapping[object, object], param: str) -> str:
    if value.get("file_id") is not None:
        if any(value.get(name) is not None for name in _LINKS):
            raise Refusal(Problem.CONFLICTING_PARAMETERS, f"{param}: send either image_url or file_id.", param=param)
        message = f"{param}: file_id is not known here; send the file itself or a URL."
        raise Refusal(Problem.INVALID_VALUE, message, param=param)
    for name in _LINKS:
        held = value.get(name)
        held = held.get("url") if isinstance(held, Mapping) else held
        if isinstance(held, str) and held.strip():
            return held.strip()
    raise Refusal(Problem.INVALID_VALUE, f"{param}: the object holds no image_url.", param=param)


def _file(upload: Upload, param: str) -> Reference:
    if not upload.data:
        raise Refusal(Problem.INVALID_VALUE, f"{param}: the file is empty.", param=param)
    mime = sniff(upload.data) or ""
    major = mime.partition("/")[0]
    if major == "video":
        raise Refusal(
            Problem.INVALID_VALUE, f"{param}: a video cannot be sent as a file; send a public URL.", param=param
        )
    if major not in {"image", "audio"}:
        message = f"{param}: the file is no image or sound of a known format."
        raise Refusal(Problem.INVALID_VALUE, message, param=param)
    return Reference(f"{major}_url", data_url(upload.data, mime))
