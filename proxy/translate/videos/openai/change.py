"""POST /v1/videos/{id}/remix, /edits and /extensions: what OpenAI callers ask of a video they have (openai-wire.md §1.1, §5.9)."""

from collections.abc import Mapping

import orjson

from proxy.errors import Problem, Refusal
from proxy.translate import coerce, jsonbody
from proxy.translate.videos import Change, ChangeRequest, Outgoing, fields
from proxy.translate.videos.openai import parts
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
    callback = fields.text(given["callback_url"], "callback_url") if "callback_url" in given else None
    return ChangeRequest(
        change=change,
        source=source if source is not None else _source(given.get("video")),
        prompt=prompt,
        seconds=seconds,
        callback_url=callback or None,
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
    video = fields.opened(video, "video")
    found = video.get("id") if isinstance(video, Mapping) else video
    if not isinstance(found, str) or not found:
        raise Refusal(Problem.MISSING_PARAMETER, 'video is required: {"id": "…"} of a video made here.', param="video")
    return found


def native(request: ChangeRequest) -> Outgoing:
    """The caller's body at an upstream that has the route: source and length in OpenAI's own form, the callback address not sent on."""
    own: dict[str, object] = {} if request.change is Change.REMIX else {"video": {"id": request.source}}
    if request.seconds is not None:
        own["seconds"] = str(request.seconds)
    remember = {
        "prompt": request.prompt,
        "remixed_from": request.source,
        "has_video_input": True,
        "callback_url": request.callback_url,
    }
    return Outgoing(
        request=_wire(request, own), remember={name: value for name, value in remember.items() if value is not None}
    )


def _wire(request: ChangeRequest, own: Mapping[str, object]) -> WireRequest:
    paths = {Change.REMIX: f"{path_of(request.source)}/remix", Change.EDIT: f"{VIDEOS}/edits"}
    path = paths.get(request.change, f"{VIDEOS}/extensions")
    given = request.body.fields
    if request.body.form:
        return WireRequest(method="POST", path=path, parts=parts.form({**given, **own, "callback_url": None}))
    changed = {name: orjson.dumps(value) for name, value in own.items() if given.get(name) != value}
    data = jsonbody.splice(request.body.raw, {"callback_url": None, **changed}, drop_nulls=True)
    return WireRequest(method="POST", path=path, headers={"content-type": JSON_TYPE}, body=data)
