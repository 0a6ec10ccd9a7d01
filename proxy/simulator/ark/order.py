"""The creation rules: what a request body must be, per model (ark-wire.md §2.3 to §2.5). Pure; refuses with ArkError.

Nulls count as absent, as the SDKs send them; unknown fields are let through. Where the reference leaves it open
whether a model refuses or ignores a field (2.x with `seed`, `camera_fixed`, `frames`; 1.0 with `generate_audio`), it is
ignored here; where a field is documented for some models only, another value than its default is refused.
"""

from dataclasses import dataclass, field

from proxy.simulator.ark import commands, content, fields, omni
from proxy.simulator.ark.content import Content
from proxy.simulator.ark.errors import ArkError, invalid, missing, unsupported
from proxy.simulator.ark.fields import Body
from proxy.simulator.ark.models import ADAPTIVE, OMNI, RATIOS, Model, resolve
from proxy.simulator.jobs import Json

MOST_SEED = 2**31 - 1


@dataclass(frozen=True)
class Order:
    """A request that may become a task. `seconds` -1, `ratio` adaptive and `seed` -1 are still the model's to choose."""

    wanted: str
    name: str
    model: Model
    scene: str
    content: Content
    resolution: str
    ratio: str
    seconds: int
    options: "Options"
    frames: int | None = None
    seed: int = -1
    audio: bool = True
    draft: bool = False
    edits: bool = False
    late: tuple[str, str] | None = None


@dataclass(frozen=True)
class Options:
    """What may be said of any task, a draft's second step included."""

    service_tier: str = "default"
    expires_after: int = 172_800
    priority: int = 0
    callback_url: str | None = None
    last_frame: bool = False
    searches: bool = False
    echo: dict[str, Json] = field(default_factory=dict)


def model_of(body: Body) -> tuple[str, str, Model]:
    """The model as sent, its full name and its rules."""
    wanted = fields.text(body, "model")
    if not wanted:
        raise missing("model")
    found = resolve(wanted)
    if found is None:
        message = f"The model or endpoint {wanted} does not exist or you do not have access to it."
        raise ArkError(404, "InvalidEndpointOrModel.NotFound", message)
    return wanted, *found


def read(body: Body, items: Content) -> Order:
    """The order that a body gives, all rules checked but those of a draft's second step."""
    wanted, name, model = model_of(body)
    body = commands.applied(body, items.prompt, model)
    scene = content.check(items, model)
    draft = _draft(body, model)
    ratio, seconds = _ratio(body, model, scene), _seconds(body, model)
    _check_camera(body, model, scene)
    kind = _omni_type(body, model)
    verdict = omni.judge(kind, scene, items, ratio, seconds) if model.omni_types else omni.Verdict(scene)
    return Order(
        wanted=wanted,
        name=name,
        model=model,
        scene=scene,
        content=items,
        resolution=_resolution(body, model, scene, draft=draft),
        ratio=ratio,
        seconds=seconds,
        options=options(body, model, draft=draft),
        frames=_frames(body, model),
        seed=_default(fields.integer(body, "seed", -1, MOST_SEED), -1),
        audio=model.audio and fields.flag(body, "generate_audio") is not False,
        draft=draft,
        edits=verdict.kind == "edit",
        late=verdict.late,
    )


def options(body: Body, model: Model, *, draft: bool) -> Options:
    """The options of any task, checked for this model."""
    tier = fields.word(body, "service_tier", ("default", "flex")) or "default"
    priority = fields.integer(body, "priority", 0, 9)
    last_frame = bool(fields.flag(body, "return_last_frame"))
    if tier == "flex" and (not model.flex or draft):
        raise unsupported("service_tier", model.name)
    if priority and not model.priority:
        raise unsupported("priority", model.name)
    if last_frame and draft and not model.omni_types:
        raise unsupported("return_last_frame", model.name)
    fields.flag(body, "watermark")
    return Options(
        service_tier=tier,
        expires_after=_default(fields.integer(body, "execution_expires_after", 3600, 259_200), 172_800),
        priority=priority or 0,
        callback_url=fields.text(body, "callback_url"),
        last_frame=last_frame,
        searches=_searches(body, model),
        echo=_echo(body, model),
    )


def _default(value: int | None, usual: int) -> int:
    return usual if value is None else value


def _echo(body: Body, model: Model) -> dict[str, Json]:
    """The fields that GET gives back as they were sent."""
    echo: dict[str, Json] = {}
    if (identifier := fields.text(body, "safety_identifier", 64)) is not None:
        echo["safety_identifier"] = identifier
    form = fields.word(body, "output_format", ("mp4", "mov"))
    if form == "mov" and not model.omni_types:
        raise unsupported("output_format", model.name)
    if form is not None and model.omni_types:
        echo["output_format"] = form
    if _searches(body, model):
        echo["tools"] = [{"type": "web_search"}]
    return echo


def _searches(body: Body, model: Model) -> bool:
    tools = body.get("tools")
    if tools is None or tools == []:
        return False
    if not isinstance(tools, list) or any(not isinstance(t, dict) or t.get("type") != "web_search" for t in tools):
        raise invalid("tools", 'an array of {"type": "web_search"} is expected')
    if not model.tools:
        raise unsupported("tools", model.name)
    return True


def _draft(body: Body, model: Model) -> bool:
    draft = bool(fields.flag(body, "draft"))
    if draft and not model.draft:
        raise unsupported("draft", model.name)
    return draft


def _resolution(body: Body, model: Model, scene: str, *, draft: bool) -> str:
    resolution = fields.word(body, "resolution", model.resolutions)
    if draft:
        if resolution not in {None, "480p"}:
            raise invalid("resolution", "a draft is made in 480p only")
        return "480p"
    if scene == OMNI and model.pixels == "1.0" and resolution == "1080p":
        raise invalid("resolution", f"{model.name} does no 1080p with reference images")
    return resolution or model.usual_resolution


def _ratio(body: Body, model: Model, scene: str) -> str:
    allowed = (*RATIOS, ADAPTIVE) if model.may_be_adaptive(scene) else RATIOS
    return fields.word(body, "ratio", allowed) or model.ratio_for(scene)


def _seconds(body: Body, model: Model) -> int:
    low, high = model.seconds
    if model.chooses_seconds and body.get("duration") == -1:
        return -1
    return _default(fields.integer(body, "duration", low, high), model.usual_seconds)


def _frames(body: Body, model: Model) -> int | None:
    if not model.frames:
        return None
    frames = fields.integer(body, "frames", 29, 289)
    if frames is not None and (frames - 25) % 4:
        raise invalid("frames", "it must be of the form 25 + 4n")
    return frames


def _check_camera(body: Body, model: Model, scene: str) -> None:
    fixed = fields.flag(body, "camera_fixed")
    if fixed and scene == OMNI and model.pixels == "1.0":
        raise invalid("camera_fixed", "it cannot be used with reference images")


def _omni_type(body: Body, model: Model) -> str:
    kind = fields.word(body, "omni_reference_task_type", omni.TYPES) or "auto"
    if kind != "auto" and not model.omni_types:
        raise unsupported("omni_reference_task_type", model.name)
    return kind
