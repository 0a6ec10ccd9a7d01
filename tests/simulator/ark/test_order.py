"""The creation rules per model: one table of what is allowed and one of what is refused."""

import pytest

from proxy.simulator.ark import content, order
from proxy.simulator.ark.errors import ArkError
from proxy.simulator.ark.fields import without_nulls
from proxy.simulator.ark.order import Order

S25, S20 = "doubao-seedance-2-5-260628", "doubao-seedance-2-0-260128"
FAST, MINI = "doubao-seedance-2-0-fast-260128", "doubao-seedance-2-0-mini-260615"
S15, S10 = "doubao-seedance-1-5-pro-251215", "doubao-seedance-1-0-pro-250528"
LITE = "doubao-seedance-1-0-lite-i2v-250428"
TEXT = [{"type": "text", "text": "a cat"}]
FIRST = [{"type": "image_url", "image_url": {"url": "https://a.example/i.png"}}]
REFS = [{"type": "image_url", "image_url": {"url": "https://a.example/i.png"}, "role": "reference_image"}]
UNSUPPORTED = "InvalidParameter.UnsupportedParameter"


def _read(model: str, fields: dict[str, object]) -> Order:
    body = without_nulls({"model": model, "content": TEXT} | fields)
    return order.read(body, content.read(body.get("content"), order.model_of(body)[2]))


@pytest.mark.parametrize(
    ("model", "items", "resolution", "ratio", "seconds"),
    [
        (S25, TEXT, "720p", "adaptive", -1),
        (S20, TEXT, "720p", "adaptive", 5),
        (S15, TEXT, "720p", "adaptive", 5),
        (S10, TEXT, "1080p", "16:9", 5),
        (S10, FIRST, "1080p", "adaptive", 5),
        (LITE, FIRST, "720p", "adaptive", 5),
        (LITE, REFS, "720p", "16:9", 5),
    ],
)
def test_defaults_per_model(model: str, items: object, resolution: str, ratio: str, seconds: int) -> None:
    """What is not said is what the model's documentation says."""
    read = _read(model, {"content": items})
    assert (read.resolution, read.ratio, read.seconds) == (resolution, ratio, seconds)
    assert (read.options.service_tier, read.options.expires_after, read.seed) == ("default", 172_800, -1)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (S25, {"duration": 30, "resolution": "1080p", "ratio": "21:9", "output_format": "mov", "draft": False}),
        (S25, {"draft": True, "resolution": "480p", "tools": [{"type": "web_search"}], "priority": 9}),
        (S25, {"draft": True, "return_last_frame": True, "omni_reference_task_type": "auto"}),
        (S20, {"duration": 15, "resolution": "4k", "priority": 0, "service_tier": "default"}),
        (S20, {"duration": -1, "seed": 2147483647, "camera_fixed": True, "frames": 57}),
        (S20, {"output_format": "mp4", "omni_reference_task_type": "auto", "tools": []}),
        (FAST, {"resolution": "480p", "generate_audio": False, "watermark": True}),
        (S15, {"duration": 12, "service_tier": "flex", "draft": False}),
        (S15, {"draft": True, "generate_audio": False}),
        (S10, {"duration": 2, "service_tier": "flex", "camera_fixed": True, "generate_audio": True}),
        (S10, {"frames": 29}),
        (S10, {"frames": 289}),
        (LITE, {"content": REFS, "resolution": "720p"}),
        (S20, {"execution_expires_after": 3600, "safety_identifier": "x" * 64, "callback_url": "http://127.0.0.1"}),
        (S20, {"unknown_field": {"a": 1}, "optimize_prompt": True}),
        (S20, dict.fromkeys(("duration", "ratio", "seed", "tools", "priority", "draft", "frames", "output_format"))),
    ],
)
def test_allowed(model: str, fields: dict[str, object]) -> None:
    """Values within a model's ranges, nulls and unknown fields are accepted."""
    assert _read(model, fields).name == model


@pytest.mark.parametrize(
    ("model", "fields", "code", "param"),
    [
        (S20, {"duration": 3}, "InvalidParameter", "duration"),
        (S20, {"duration": 16}, "InvalidParameter", "duration"),
        (S20, {"duration": "5"}, "InvalidParameter", "duration"),
        (S25, {"duration": 31}, "InvalidParameter", "duration"),
        (S15, {"duration": 13}, "InvalidParameter", "duration"),
        (S10, {"duration": -1}, "InvalidParameter", "duration"),
        (S10, {"duration": 1}, "InvalidParameter", "duration"),
        (S20, {"resolution": "720P"}, "InvalidParameter", "resolution"),
        (S25, {"resolution": "4k"}, "InvalidParameter", "resolution"),
        (FAST, {"resolution": "1080p"}, "InvalidParameter", "resolution"),
        (MINI, {"resolution": "1080p"}, "InvalidParameter", "resolution"),
        (LITE, {"content": REFS, "resolution": "1080p"}, "InvalidParameter", "resolution"),
        (S20, {"ratio": "5:4"}, "InvalidParameter", "ratio"),
        (S10, {"ratio": "adaptive"}, "InvalidParameter", "ratio"),
        (S10, {"frames": 28}, "InvalidParameter", "frames"),
        (S10, {"frames": 30}, "InvalidParameter", "frames"),
        (S10, {"frames": 293}, "InvalidParameter", "frames"),
        (S20, {"seed": -2}, "InvalidParameter", "seed"),
        (S20, {"seed": 2**31}, "InvalidParameter", "seed"),
        (S20, {"generate_audio": "yes"}, "InvalidParameter", "generate_audio"),
        (S20, {"watermark": 1}, "InvalidParameter", "watermark"),
        (S20, {"return_last_frame": 1}, "InvalidParameter", "return_last_frame"),
        (S20, {"execution_expires_after": 3599}, "InvalidParameter", "execution_expires_after"),
        (S20, {"execution_expires_after": 259_201}, "InvalidParameter", "execution_expires_after"),
        (S20, {"priority": 10}, "InvalidParameter", "priority"),
        (S20, {"safety_identifier": "x" * 65}, "InvalidParameter", "safety_identifier"),
        (S20, {"callback_url": 5}, "InvalidParameter", "callback_url"),
        (S20, {"service_tier": "fast"}, "InvalidParameter", "service_tier"),
        (S20, {"tools": [{"type": "code"}]}, "InvalidParameter", "tools"),
        (LITE, {"content": REFS, "camera_fixed": True}, "InvalidParameter", "camera_fixed"),
        (S20, {"service_tier": "flex"}, UNSUPPORTED, "service_tier"),
        (S25, {"service_tier": "flex"}, UNSUPPORTED, "service_tier"),
        (S15, {"draft": True, "service_tier": "flex"}, UNSUPPORTED, "service_tier"),
        (S15, {"draft": True, "return_last_frame": True}, UNSUPPORTED, "return_last_frame"),
        (S15, {"draft": True, "resolution": "720p"}, "InvalidParameter", "resolution"),
        (S20, {"draft": True}, UNSUPPORTED, "draft"),
        (S10, {"draft": True}, UNSUPPORTED, "draft"),
        (S15, {"priority": 1}, UNSUPPORTED, "priority"),
        (S15, {"tools": [{"type": "web_search"}]}, UNSUPPORTED, "tools"),
        (S20, {"output_format": "mov"}, UNSUPPORTED, "output_format"),
        (S20, {"omni_reference_task_type": "edit"}, UNSUPPORTED, "omni_reference_task_type"),
        (S25, {"omni_reference_task_type": "edit_video"}, "InvalidParameter", "omni_reference_task_type"),
        (S20, {"content": None}, "MissingParameter", "content"),
        (S20, {"model": None}, "MissingParameter", "model"),
        (S20, {"model": 5}, "InvalidParameter", "model"),
    ],
)
def test_refused(model: str, fields: dict[str, object], code: str, param: str) -> None:
    """Values outside a model's rules are a 400 with the code and the name of the field."""
    with pytest.raises(ArkError) as caught:
        _read(model, fields)
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, code, param)


def test_a_draft_is_made_in_480p() -> None:
    """A draft that does not say its resolution is 480p, not the model's default."""
    assert _read(S25, {"draft": True}).resolution == "480p"


def test_what_get_gives_back() -> None:
    """The echoed fields are those of the model, as they were sent."""
    read = _read(S25, {"safety_identifier": "s", "output_format": "mov", "tools": [{"type": "web_search"}]})
    assert read.options.echo == {"safety_identifier": "s", "output_format": "mov", "tools": [{"type": "web_search"}]}
    assert read.options.searches


def test_an_unknown_model_is_a_404() -> None:
    """The code is that of models and endpoints alike."""
    with pytest.raises(ArkError) as caught:
        _read("seedance-2.0-pro", {})
    assert (caught.value.status, caught.value.code) == (404, "InvalidEndpointOrModel.NotFound")


def test_a_constraint_of_2_5_is_found_later_under_auto() -> None:
    """An order of 2.5 may carry the error it will fail with."""
    late = _read(S25, {"content": FIRST, "ratio": "16:9"}).late
    assert late is not None
    assert late[0] == "InvalidParameter.TaskTypeConstraint"
    assert _read(S20, {"content": FIRST, "ratio": "16:9"}).late is None
