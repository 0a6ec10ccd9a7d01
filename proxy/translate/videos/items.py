"""Ark content items: making them and reading them (ark-wire.md §2.4). Shared by all codecs of the family."""

from collections.abc import Iterable, Mapping

from proxy.model import JSON
from proxy.translate.videos import VideoRequest, seedance
from proxy.translate.videos.losses import Losses

MEDIA_TYPES = ("image_url", "video_url", "audio_url")


def text_item(text: str) -> dict[str, object]:
    """A text item."""
    return {"type": "text", "text": text}


def media_item(kind: str, url: str, role: str | None) -> dict[str, object]:
    """A media item; `kind` is one of MEDIA_TYPES, and the role stands beside the type."""
    item: dict[str, object] = {"type": kind, kind: {"url": url}}
    return item if role is None else {**item, "role": role}


def texts(content: Iterable[JSON]) -> tuple[str, ...]:
    """The texts, in order."""
    found = (item.get("text") for item in content if item.get("type") == "text")
    return tuple(text for text in found if isinstance(text, str))


def prompt(content: Iterable[JSON]) -> str:
    """The texts, one a line: what a dialect with one prompt is told."""
    return "\n".join(texts(content))


def url(item: JSON) -> str | None:
    """The link of a media item."""
    held = item.get(str(item.get("type")))
    value = held.get("url") if isinstance(held, Mapping) else held
    return value if isinstance(value, str) and value else None


def has_video(content: Iterable[JSON]) -> bool:
    """Whether a video goes in: it changes the price (ark-wire.md §7.2)."""
    return any(item.get("type") == "video_url" for item in content)


def drafts(content: Iterable[JSON]) -> tuple[str, ...]:
    """The ids of the draft tasks that a final is made of (ark-wire.md §2.5)."""
    found = (item.get("draft_task") for item in content)
    ids = (draft.get("id") for draft in found if isinstance(draft, Mapping))
    return tuple(task_id for task_id in ids if isinstance(task_id, str))


def with_roles(request: VideoRequest, model: str, losses: Losses) -> tuple[JSON, ...]:
    """The content, and the images that came without roles with the roles that fit the model (openai-wire.md §5.1, row images)."""
    if not request.images:
        return request.content
    if seedance.family(model).references:
        losses.warn("images", "sent as reference images, in this order")
        roles = ["reference_image"] * len(request.images)
    elif len(request.images) == 2:
        losses.warn("images", "sent as first and last frame")
        roles = ["first_frame", "last_frame"]
    else:
        losses.refuse("images", "this model takes one image, or a first and a last frame")
    made = (media_item("image_url", link, role) for link, role in zip(request.images, roles, strict=True))
    return (*request.content, *made)
