"""POST /v1/videos/{id}/remix, /edits and /extensions: what OpenAI callers ask of a video they have (openai-wire.md §1.1, §5.9)."""

from collections.abc import Mapping

import orjson

from proxy.errors import Problem, Refusal
from proxy.translate import coerce
from proxy.translate.videos import Change, ChangeRequest, Outgoing
from proxy.translate.videos.openai.upstream import VIDEOS, path_of
from proxy.translate.wire import JSON_TYPE, Body, Upload, WireRequest


def decode(change: Change, body: Body, source: str | None, *, lossy: bool) -> ChangeRequest:
    """The body of any of the three, JSON or form; `source` is given where the path names the video."""
    given = {name: value for name, value in body.fields.items() if value is not None}
    if "prompt" not in given:
        raise Refusal(Problem.MISSING_PARAMETER, "prompt is required.", param="prompt")
    prompt = coerce.text(given["prompt"], "prompt")
    if not prompt.strip():
        raise Refusal(Problem.INVALID_VALUE, "prompt is blank.", param="prompt")
    if change is Change.EXTEND and "seconds" not in given:
        raise Refusal(Problem.MISSING_PARAMETER, "seconds is required: the length of what is added.", param="seconds")
    seconds = coerce.integer(given["seconds"], "seconds") if change is Change.EXTEND else None
    return ChangeRequest(
        change=change,
        source=source if source is not None else _source(given.get("video")),
        prompt=prompt,
        seconds=seconds,
        lossy=lossy,
        body=body,
    )


def _source(video: object) -> str:
    if isinstance(video, Upload):
        raise Refusal(
            Problem.INVALID_VALUE,
            "video: a file cannot be sent on, because upstreams take videos by link only. Send the id of a video made here: "
            'video={"id": "…"}, in forms video[id].',
            param="video",
        )
    found = video.get("id") if isinstance(video, Mapping) else video
    if not isinstance(found, str) or not found:
        raise Refusal(Problem.MISSING_PARAMETER, 'video is required: {"id": "…"} of a video made here.', param="video")
    return found


def native(request: ChangeRequest) -> Outgoing:
    """The same request at an upstream that has the route: written anew as JSON, because the source's id is all it names."""
    members: dict[str, object] = {"prompt": request.prompt}
    if request.change is Change.REMIX:
        path = f"{path_of(request.source)}/remix"
    else:
        path = f"{VIDEOS}/{'edits' if request.change is Change.EDIT else 'extensions'}"
        members["video"] = {"id": request.source}
    if request.seconds is not None:
        members["seconds"] = str(request.seconds)
    remember = {"prompt": request.prompt, "remixed_from": request.source, "has_video_input": True}
    return Outgoing(
        request=WireRequest(method="POST", path=path, headers={"content-type": JSON_TYPE}, body=orjson.dumps(members)),
        remember=remember,
    )
