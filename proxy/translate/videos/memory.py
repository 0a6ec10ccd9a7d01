"""What we remember of a create (TaskRecord.request): enough to render, estimate and account it, never media."""

from proxy.model import JSON
from proxy.translate.videos import VideoRequest, items
from proxy.translate.videos.fields import ARK_FIELDS
from proxy.translate.videos.reading import whole


def remember(request: VideoRequest, framing: JSON) -> dict[str, object]:
    """The typed options under Ark's names, the framing that a size became, and what no upstream echoes."""
    kept: dict[str, object] = {name: value for name, value in request.options.items() if name in ARK_FIELDS}
    kept |= framing
    duration = whole(kept.get("duration"))
    extra = {
        "prompt": items.prompt(request.content) or None,
        "size": request.size,
        "seconds": str(duration) if duration is not None and duration > 0 else None,
        "metadata": dict(request.metadata) or None,
        "callback_url": request.callback_url,
    }
    kept |= {name: value for name, value in extra.items() if value is not None}
    return {**kept, "has_video_input": items.has_video(request.content)}
