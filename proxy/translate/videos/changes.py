"""Remix, edit and extension said as a create with a reference video, for upstreams that make them so (openai-wire.md §5.9).

Seedance 2.5 has task types with rules of their own (ark-wire.md §2.3): an edit wants ratio `adaptive` and duration -1, an extension ratio
`adaptive`. A remix changes a video as an edit does, so it is one there.
"""

from proxy.errors import Problem, Refusal
from proxy.model import JSON, Dialect, TaskRecord
from proxy.translate.videos import Change, ChangeRequest, Target, VideoRequest, items, seedance
from proxy.translate.wire import Notice


def as_create(request: ChangeRequest, source: TaskRecord, link: str | None, target: Target) -> VideoRequest:
    """The create that makes the new video; `Refusal` if the model takes no reference video or the source's link is gone."""
    family = seedance.family(target.model)
    if not family.references:
        raise Refusal(
            Problem.INVALID_VALUE,
            f"The model {source.original_model} of this video takes no reference video, so it cannot {request.change.value} one.",
            param="model",
        )
    if link is None:
        raise Refusal(
            Problem.VIDEO_EXPIRED,
            "The source video is no longer available: its upstream keeps results for 24 hours.",
            param="video",
        )
    content = (items.text_item(request.prompt), items.media_item("video_url", link, "reference_video"))
    options = _of_2_5(request) if family.series == "2.5" else _of_2_0(request, source)
    return VideoRequest(
        model=source.original_model,
        dialect=Dialect.OPENAI,
        content=content,
        options=options,
        metadata={"extended_from": request.source} if request.change is Change.EXTEND else {},
        notices=_notices(request),
        lossy=request.lossy,
    )


def _of_2_5(request: ChangeRequest) -> JSON:
    if request.change is Change.EXTEND:
        return {"omni_reference_task_type": "extend", "ratio": "adaptive", "duration": request.seconds}
    return {"omni_reference_task_type": "edit", "ratio": "adaptive", "duration": -1}


def _of_2_0(request: ChangeRequest, source: TaskRecord) -> JSON:
    """The source's own frame and length, as far as its upstream told them."""
    facts = source.snapshot.facts if source.snapshot else {}
    kept = {name: facts[name] for name in ("resolution", "ratio") if facts.get(name) is not None}
    length = request.seconds if request.change is Change.EXTEND else facts.get("duration")
    return kept | ({"duration": length} if isinstance(length, int) and length > 0 else {})


def _notices(request: ChangeRequest) -> tuple[Notice, ...]:
    if request.change is not Change.EXTEND:
        return ()
    return (Notice("seconds", "the new video holds only the new part; seconds is its length, not that of both"),)
