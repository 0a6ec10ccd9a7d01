"""The table of create fields: Ark's fields and their types, and what else callers call them (ark-wire.md §2.3, openai-wire.md §5.1)."""

from collections.abc import Callable, Mapping

from proxy.errors import Problem, Refusal
from proxy.translate import coerce, jsonbody
from proxy.translate.wire import Upload

Reader = Callable[[object, str], object]


def plain(value: object, param: str, depth: int = 0) -> object:
    """A JSON value without its nulls, which mean absent; a file or a bottomless nesting in it is a 400."""
    if isinstance(value, Upload):
        raise Refusal(
            Problem.INVALID_VALUE,
            f"{param}: a file is not taken here; send it as input_reference, or send its URL.",
            param=param,
        )
    if depth > jsonbody.MAX_DEPTH:
        raise Refusal(Problem.INVALID_VALUE, f"{param}: nested deeper than {jsonbody.MAX_DEPTH} levels.", param=param)
    if isinstance(value, Mapping):
        return {str(key): plain(item, param, depth + 1) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [plain(item, param, depth + 1) for item in value if item is not None]
    return value


def opened(value: object, param: str) -> object:
    """A JSON document that came as text (openai-wire.md §1.4), read; any other value as it is."""
    if not isinstance(value, str) or value.lstrip()[:1] not in {"{", "["}:
        return value
    return jsonbody.read_document(value.encode(errors="replace"), f"the text of {param}", param)


def mapping(value: object, param: str) -> Mapping[str, object]:
    """An object, or the text of one, without nulls."""
    return coerce.mapping(plain(opened(value, param), param), param)


def listing(value: object, param: str) -> list[object]:
    """A list, or the text of one, without nulls."""
    return coerce.array(plain(opened(value, param), param), param)


def text(value: object, param: str) -> str:
    """A text; an empty one is the upstream's to judge."""
    return "" if value == "" else coerce.text(value, param)


def items(value: object, param: str) -> tuple[Mapping[str, object], ...]:
    """Content: a list of objects; unknown item types are Ark's to judge."""
    found = listing(value, param)
    for index, item in enumerate(found):
        if not isinstance(item, dict):
            where = f"{param}[{index}]"
            raise Refusal(Problem.INVALID_VALUE, f"{where}: an object with a type is wanted.", param=where)
    return tuple(item for item in found if isinstance(item, dict))


# Ark's scalar fields. `model` and `content` have readers of their own.
ARK_FIELDS: Mapping[str, Reader] = {
    "callback_url": text,
    "return_last_frame": coerce.boolean,
    "service_tier": text,
    "execution_expires_after": coerce.integer,
    "generate_audio": coerce.boolean,
    "draft": coerce.boolean,
    "tools": listing,
    "safety_identifier": text,
    "priority": coerce.integer,
    "resolution": text,
    "ratio": text,
    "duration": coerce.integer,
    "frames": coerce.integer,
    "seed": coerce.integer,
    "camera_fixed": coerce.boolean,
    "watermark": coerce.boolean,
    "output_format": text,
    "omni_reference_task_type": text,
}

# What OpenAI callers call some of them.
ALIASES: Mapping[str, str] = {
    "seconds": "duration",
    "aspect_ratio": "ratio",
    "audio": "generate_audio",
    "user": "safety_identifier",
}

# Lists of links that callers send beside the prompt: the item type and the role they become.
REFERENCES: Mapping[str, tuple[str, str]] = {
    "reference_images": ("image_url", "reference_image"),
    "image_urls": ("image_url", "reference_image"),
    "reference_videos": ("video_url", "reference_video"),
    "video_urls": ("video_url", "reference_video"),
    "reference_audios": ("audio_url", "reference_audio"),
    "audio_urls": ("audio_url", "reference_audio"),
}

# Objects (or JSON texts) whose members count as members of the body; explicit ones win.
NESTS = ("extra_body", "extra_json", "extra_params")

# What makes a body Ark-shaped, or shaped by a habit that a plain OpenAI server does not know: it is translated, not passed on.
HABITS = frozenset({*ARK_FIELDS, *ALIASES, *REFERENCES, *NESTS, "content", "image", "images"}) - {"seconds", "user"}
