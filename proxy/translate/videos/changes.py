"""Remix, edit and extension said as a create with a reference video, for upstreams that make them so (openai-wire.md §5.9).

Seedance 2.5 has task types with rules of their own (ark-wire.md §2.3): an edit wants ratio `adaptive` and duration -1, an extension ratio
`adaptive`. A remix changes a video as an edit does, so it is one there.
"""

from collections.abc import Mapping
from dataclasses import replace

from proxy.errors import Problem, Refusal
from proxy.model import JSON, Dialect, TaskRecord
from proxy.translate.videos import Change, ChangeRequest, Outgoing, Target, VideoRequest, items, reading, seedance
from proxy.translate.wire import Notice

# What each takes of its body; the rest comes from the source.
_TAKEN: Mapping[Change, frozenset[str]] = {
    Change.REMIX: frozenset({"prompt", "callback_url"}),
    Change.EDIT: frozenset({"prompt", "callback_url", "video"}),
    Change.EXTEND: frozenset({"prompt", "callback_url", "video", "seconds"}),
}


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
            "There is no link to the source video that its upstream could fetch: upstreams keep results for 24 hours.",
            param="id" if request.change is Change.REMIX else "video",
        )
    content = (items.text_item(request.prompt), items.media_item("video_url", link, "reference_video"))
    options = _of_2_5(request, source) if family.series == "2.5" else _of_2_0(request, source)
    return VideoRequest(
        model=source.original_model,
        dialect=Dialect.OPENAI,
        content=content,
        options=options,
        callback_url=request.callback_url,
        notices=_notices(request),
        lossy=request.lossy,
    )


def remembered(outgoing: Outgoing, request: ChangeRequest) -> Outgoing:
    """The outgoing create as one that came of another video: what the new task shows of it, and no upstream is told."""
    kept = {**outgoing.remember, "remixed_from": request.source}
    if request.change is Change.EXTEND:
        kept["metadata"] = {"extended_from": request.source}
    return replace(outgoing, remember=kept)


def _of_2_5(request: ChangeRequest, source: TaskRecord) -> JSON:
    options = {**_kept(source, "resolution"), "ratio": "adaptive"}
    if request.change is Change.EXTEND:
        return {**options, "omni_reference_task_type": "extend", "duration": request.seconds}
    return {**options, "omni_reference_task_type": "edit", "duration": -1}


def _of_2_0(request: ChangeRequest, source: TaskRecord) -> JSON:
    """The source's own frame; its length, too, where that is known and none was asked for."""
    options = _kept(source, "resolution", "ratio")
    if request.change is Change.EXTEND:
        return {**options, "duration": request.seconds}
    length = reading.whole(_kept(source, "duration").get("duration"))
    return {**options, "duration": length} if length is not None and length > 0 else options


def _kept(source: TaskRecord, *names: str) -> dict[str, object]:
    """What the upstream told of the source, or else was asked for."""
    facts = source.snapshot.facts if source.snapshot else {}
    found = {name: facts.get(name, source.request.get(name)) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _notices(request: ChangeRequest) -> tuple[Notice, ...]:
    taken = _TAKEN[request.change]
    unsaid = [name for name, value in request.body.fields.items() if value is not None and name not in taken]
    dropped = tuple(Notice(name, f"not sent: {request.change.value} takes it from the source video") for name in unsaid)
    if request.change is not Change.EXTEND:
        return dropped
    return (
        *dropped,
        Notice("seconds", "the new video holds only the new part; seconds is its length, not that of both"),
    )
