"""What OpenAI callers may send, row by row (openai-wire.md §5.1)."""

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Problem, Refusal
from proxy.model import JSON, Dialect
from proxy.translate import multipart
from proxy.translate.videos import Target, VideoRequest, ark
from proxy.translate.videos.openai.create import decode_create
from proxy.translate.wire import Body, Upload

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
PNG_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
TEXT = {"type": "text", "text": "a cat"}


def read(more: JSON | None = None, *, form: bool = False, lossy: bool = False, **members: object) -> VideoRequest:
    fields = {"model": "seedance-2.0-fast", **(more or {}), **members}
    return decode_create(Body(fields=fields, raw=b"", form=form), lossy=lossy)


def refused(**members: object) -> Refusal:
    with pytest.raises(Refusal) as found:
        read(members)
    assert found.value.status == 400
    return found.value


def image(url: str, role: str = "first_frame") -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": url}, "role": role}


def test_the_quick_start() -> None:
    """The quick start's body, Ark-shaped and without a prompt, is read as it is."""
    raw = (
        '{"model": "seedance-2.0-fast","content": [{"type": "text", "text": "一只橘猫在草地上奔跑,阳光明媚"}],'
        '"resolution": "480p","duration": 4}'
    ).encode()
    request = decode_create(Body(fields=orjson.loads(raw), raw=raw))
    assert request.model == "seedance-2.0-fast"
    assert request.dialect is Dialect.OPENAI
    assert request.content == ({"type": "text", "text": "一只橘猫在草地上奔跑,阳光明媚"},)
    assert request.options == {"resolution": "480p", "duration": 4}
    assert request.notices == ()


def test_what_the_sdk_sends() -> None:
    """A form with a prompt and strings only becomes text, whole seconds and a size."""
    request = read(form=True, prompt="a cat", seconds="8", size="1280x720")
    assert request.content == (TEXT,)
    assert request.options == {"duration": 8}
    assert request.size == "1280x720"
    assert request.names == {"duration": "seconds"}


@pytest.mark.parametrize("prompt", ["", "  ", "a cat", " a cat "])
def test_a_prompt_that_adds_nothing(prompt: str) -> None:
    """A blank prompt, or a copy of a text in content, adds nothing."""
    assert read(prompt=prompt, content=[TEXT]).content == (TEXT,)


def test_prompt_and_content() -> None:
    """A prompt goes before content without text, may repeat all its texts, and may not contradict them."""
    assert read(prompt="a cat", content=[image("https://i")]).content == (TEXT, image("https://i"))
    two = [TEXT, {"type": "text", "text": "b"}]
    assert read(prompt="a cat\nb", content=two).content == tuple(two)
    error = refused(prompt="a dog", content=[TEXT])
    assert (error.problem, error.param) == (Problem.CONFLICTING_PARAMETERS, "prompt")
    lossy = read(prompt="a dog", content=[TEXT], lossy=True)
    assert lossy.content == (TEXT,)
    assert [notice.param for notice in lossy.notices] == ["prompt"]


@pytest.mark.parametrize(
    "members", [{}, {"prompt": ""}, {"prompt": " ", "content": []}, {"content": None, "images": []}]
)
def test_nothing_to_make(members: dict[str, object]) -> None:
    """Neither prompt nor content is a 400 on prompt."""
    error = refused(**members)
    assert (error.param, error.message) == ("prompt", "prompt or content is required")


def test_images_alone_are_arks_to_judge() -> None:
    """Content without a text is passed on."""
    assert read(content=[image("https://i")]).content == (image("https://i"),)
    assert read(prompt="", input_reference="https://i").content == (image("https://i"),)


def test_content_is_verbatim() -> None:
    """Roles, unknown types and unknown members survive; only nulls go."""
    items = [TEXT, {"type": "new", "x": {"y": [1]}}, image("asset://a", "mask"), {"type": "draft_task", "role": None}]
    assert read(content=items).content == (*items[:3], {"type": "draft_task"})


@pytest.mark.parametrize("value", [4, "4", 4.0])
@pytest.mark.parametrize("name", ["duration", "seconds"])
def test_lengths(name: str, value: object) -> None:
    """A whole length in any spelling is whole seconds."""
    assert read({name: value}, prompt="x").options == {"duration": 4}


def test_lengths_in_conflict() -> None:
    """Equal lengths agree, different ones are a 400 on seconds, and -1 passes; no length adds no default."""
    assert read(prompt="x", duration=4, seconds="4").options == {"duration": 4}
    assert read(prompt="x", duration="-1").options == {"duration": -1}
    assert read(prompt="x").options == {}
    error = refused(prompt="x", duration=4, seconds="8")
    assert (error.problem, error.param) == (Problem.CONFLICTING_PARAMETERS, "seconds")


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"seconds": "4.5"}, "seconds"),
        ({"seconds": "long"}, "seconds"),
        ({"duration": [4]}, "duration"),
        ({"metadata": {"duration": "x"}}, "metadata.duration"),
        ({"metadata": '{"seed": "x"}'}, "metadata.seed"),
        ({"extra_body": {"watermark": "x"}}, "extra_body.watermark"),
        ({"metadata": "no json"}, "metadata"),
        ({"metadata": [1]}, "metadata"),
        ({"audio": "https://a.mp3"}, "audio"),
        ({"size": "big"}, "size"),
        ({"size": "0x0"}, "size"),
        ({"size": 720}, "size"),
        ({"tools": "web"}, "tools"),
        ({"content": "a cat"}, "content"),
        ({"metadata": {"content": [1]}}, "metadata.content[0]"),
        ({"mode": Upload(PNG)}, "mode"),
        ({"prompt": ["x"]}, "prompt"),
        ({"model": ""}, "model"),
        ({"model": None}, "model"),
        ({"model": 3}, "model"),
    ],
)
def test_bad_values_are_named_as_written(members: dict[str, object], param: str) -> None:
    """What cannot be read or typed is a 400 that names the field as the caller wrote it."""
    assert refused(**{"prompt": "x", **members}).param == param


def test_size_words() -> None:
    """A tier is a resolution, a ratio is a ratio, and an explicit one wins with a warning."""
    assert read(prompt="x", size="1080P").options == {"resolution": "1080p"}
    assert read(prompt="x", size="16:9").options == {"ratio": "16:9"}
    both = read(prompt="x", size="1080p", resolution="480p")
    assert both.options == {"resolution": "480p"}
    assert [notice.param for notice in both.notices] == ["size"]
    assert read(prompt="x", size="480p", resolution="480p").notices == ()


def test_aliases() -> None:
    """The aliases of §5.1 lead to Ark's fields; Ark's own name wins with a warning."""
    request = read(prompt="x", aspect_ratio="16:9", audio="false", user="u-1")
    assert request.options == {"ratio": "16:9", "generate_audio": False, "safety_identifier": "u-1"}
    assert request.names == {"ratio": "aspect_ratio", "generate_audio": "audio", "safety_identifier": "user"}
    both = read(prompt="x", aspect_ratio="16:9", ratio="1:1")
    assert both.options == {"ratio": "1:1"}
    assert [notice.param for notice in both.notices] == ["aspect_ratio"]


@pytest.mark.parametrize("name", ["image_tail", "last_frame", "end_image", "negative_prompt", "fps", "mode"])
def test_unknown_keys_pass(name: str) -> None:
    """A key that is in no table is kept as it is: a form's value stays a string."""
    assert read({name: "1"}, form=True, prompt="x").options == {name: "1"}


def test_scalars_of_forms() -> None:
    """Every switch of Ark's is reachable from a form."""
    typed = {
        "seed": -1,
        "execution_expires_after": 3600,
        "priority": 3,
        "frames": 57,
        "watermark": False,
        "generate_audio": True,
        "camera_fixed": False,
        "return_last_frame": True,
        "draft": True,
        "service_tier": "flex",
        "output_format": "mov",
        "omni_reference_task_type": "edit",
    }
    texts = {name: str(value).lower() for name, value in typed.items()}
    request = read(texts, form=True, prompt="x", tools='[{"type":"web_search"}]', callback_url="https://me/cb")
    assert request.options == typed | {"tools": [{"type": "web_search"}]}
    assert request.callback_url == "https://me/cb"


def test_metadata() -> None:
    """Ark's keys are lifted, explicit ones win, `model` is ignored and the rest is the caller's."""
    metadata = {"resolution": "720p", "duration": 8, "seed": 7, "model": "dear", "order": "17", "content": [TEXT]}
    for document in (metadata, orjson.dumps(metadata).decode()):
        request = read(metadata=document, seconds="4", resolution="480p")
        assert request.model == "seedance-2.0-fast"
        assert request.options == {"resolution": "480p", "duration": 4, "seed": 7}
        assert request.content == (TEXT,)
        assert request.metadata == {"order": "17"}
        assert request.names == {"duration": "seconds", "seed": "metadata.seed", "content": "metadata.content"}


def test_nested_bodies() -> None:
    """`extra_body` and its kin count as members of the body; explicit ones win."""
    request = read(prompt="x", extra_body={"duration": 4, "prompt": "y"}, extra_params='{"seed": 3, "steps": 9}')
    assert request.content == ({"type": "text", "text": "x"},)
    assert request.options == {"duration": 4, "seed": 3, "steps": 9}
    above = read(prompt="x", seconds="8", ratio="1:1", extra_body={"duration": 4, "aspect_ratio": "16:9"})
    assert above.options == {"duration": 8, "ratio": "1:1"}


def test_nulls_mean_absent() -> None:
    """A null is no value, anywhere."""
    request = read(prompt="x", seed=None, size=None, metadata={"a": None, "seed": None}, input_reference=None)
    assert (request.options, request.size, request.metadata) == ({}, None, {})


@pytest.mark.parametrize(
    "reference",
    [
        "https://a/1.png",
        {"image_url": "https://a/1.png"},
        {"image_url": {"url": "https://a/1.png"}},
        {"url": "https://a/1.png"},
        '{"image_url":"https://a/1.png"}',
    ],
)
def test_a_reference_is_the_first_frame(reference: object) -> None:
    """A link in any of its forms is the first frame, behind the text."""
    assert read(prompt="a cat", input_reference=reference).content == (TEXT, image("https://a/1.png"))


@pytest.mark.parametrize("link", [PNG_URL, "asset://abc"])
def test_links_of_other_schemes(link: str) -> None:
    """Data URLs and asset links pass."""
    assert read(prompt="a cat", input_reference=link).content[1] == image(link)


def test_files() -> None:
    """A picture becomes a data URL of its real type, whatever was claimed; a sound becomes a reference."""
    file = Upload(PNG, "upload", "application/octet-stream")
    assert read(form=True, prompt="a cat", input_reference=file).content[1] == image(PNG_URL)
    sound = read(form=True, prompt="x", input_reference=Upload(WAV)).content[1]
    assert (sound["type"], sound["role"]) == ("audio_url", "reference_audio")


@pytest.mark.parametrize("data", [b"", MP4, b"what is this?"])
@pytest.mark.parametrize("name", ["input_reference", "image", "reference_images"])
def test_files_that_cannot_be_sent(name: str, data: bytes) -> None:
    """An empty file, a video, and bytes of no known type are a 400 on the field."""
    assert refused(prompt="x", **{name: Upload(data)}).param == name


@pytest.mark.parametrize("value", [{"file_id": "file-1"}, {"file_id": "f", "image_url": "https://i"}, {}, 7, "", True])
def test_references_that_cannot_be_resolved(value: object) -> None:
    """A file id, two forms at once, and what is no link are a 400 on input_reference."""
    assert refused(prompt="x", input_reference=value).param == "input_reference"


@pytest.mark.parametrize("name", ["image", "images", "input_reference"])
def test_one_image_of_a_list(name: str) -> None:
    """One image, in a list or not, is the first frame."""
    request = read({name: ["https://i"]}, prompt="a cat")
    assert request.content == (TEXT, image("https://i"))
    assert request.images == ()


def test_several_images_wait_for_the_model() -> None:
    """Two or more unlabelled images keep their order for the codec that knows the model; a repeated `image` counts once."""
    request = read(prompt="x", images=["https://1", {"image_url": {"url": "https://2"}}], image="https://1")
    assert request.images == ("https://1", "https://2")
    assert len(request.content) == 1
    assert read(prompt="x", input_reference=["https://1", "https://2"]).names["images"] == "input_reference"
    assert refused(prompt="x", images=["https://1", Upload(WAV)]).param == "images"


@pytest.mark.parametrize(
    ("name", "kind", "role"),
    [
        ("reference_images", "image_url", "reference_image"),
        ("image_urls", "image_url", "reference_image"),
        ("reference_videos", "video_url", "reference_video"),
        ("video_urls", "video_url", "reference_video"),
        ("reference_audios", "audio_url", "reference_audio"),
        ("audio_urls", "audio_url", "reference_audio"),
    ],
)
def test_lists_of_references(name: str, kind: str, role: str) -> None:
    """Lists of links, or of objects around links, become references of their kind."""
    request = read({name: ["https://1", {"url": "https://2"}]}, prompt="x")
    made = [{"type": kind, kind: {"url": f"https://{number}"}, "role": role} for number in (1, 2)]
    assert list(request.content[1:]) == made
    assert request.names[role] == name


def test_togethers_videos() -> None:
    """`reference_videos: [{video}]` is read as well."""
    assert read(prompt="x", reference_videos=[{"video": "https://v"}]).content[1]["video_url"] == {"url": "https://v"}


def test_in_prompt_commands_are_text() -> None:
    """Legacy commands in the text are left alone."""
    assert read(prompt="a drone --rs 720p --dur 5").content == ({"type": "text", "text": "a drone --rs 720p --dur 5"},)
    assert read(prompt="a drone --rs 720p").options == {}


VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.text(), st.binary().map(Upload)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=6,
)
NAMES = (
    *("model", "prompt", "content", "input_reference", "image", "images", "reference_images", "video_urls", "size"),
    *("seconds", "duration", "metadata", "extra_body", "user", "audio", "tools", "callback_url", "n", "other"),
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, VALUES)), st.booleans())
def test_no_body_breaks_the_reader(members: dict[str, object], lossy: bool) -> None:
    """Any mapping is a request or a refusal, and a request can be sent to Ark or is refused there."""
    try:
        request = decode_create(Body(fields=members, raw=b"", form=True), lossy=lossy)
        sent = ark.OUTBOUND.encode_create(request, Target(model="ep-1")).request.body
    except Refusal:
        return
    assert orjson.loads(sent)["model"] == "ep-1"


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "duration": st.integers(-1, 30),
        "seed": st.integers(-1, 2**31),
        "watermark": st.booleans(),
        "generate_audio": st.booleans(),
        "resolution": st.sampled_from(["480p", "720p", "1080p"]),
        "ratio": st.sampled_from(["16:9", "adaptive"]),
        "tools": st.just([{"type": "web_search"}]),
        "brand_new": st.text(min_size=1),
    },
)
CONTENT = st.lists(
    st.one_of(
        st.text(min_size=1).map(lambda text: {"type": "text", "text": text}),
        st.sampled_from([image("https://1"), image("asset://2", "last_frame"), {"type": "new", "x": 1}]),
    ),
    min_size=1,
    max_size=4,
)


@given(CONTENT, OPTIONS)
def test_openai_to_ark_and_back_loses_nothing(content: list[dict[str, object]], options: dict[str, object]) -> None:
    """What an OpenAI caller says in Ark's words arrives at Ark, and reads there as what was said."""
    request = read(options, content=content)
    sent = ark.OUTBOUND.encode_create(request, Target(model="ep-1")).request.body
    again = ark.INBOUND.decode_create(Body(fields=orjson.loads(sent), raw=sent))
    assert (again.content, again.options) == (request.content, request.options)


@pytest.mark.parametrize(
    "order",
    [
        "type type type text url url role role seed",
        "seed type text type url role type url role",
    ],
)
def test_content_in_a_form(order: str) -> None:
    """Content in brackets, in the order of openai-python and of openai-node, reads as the JSON that was meant (App. A)."""
    values = {
        "type": ["text", "image_url", "image_url"],
        "text": ["hi"],
        "url": ["https://a/1.png", "https://a/2.png"],
        "role": ["first_frame", "last_frame"],
        "seed": ["-1"],
    }
    names = {"url": "content[][image_url][url]", "seed": "seed"}
    fields = [("model", "m"), *((names.get(key, f"content[][{key}]"), values[key].pop(0)) for key in order.split())]
    parts = (f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields)
    request = decode_create(
        multipart.read_body("multipart/form-data; boundary=b", ("".join(parts) + "--b--\r\n").encode())
    )
    assert request.content == (
        {"type": "text", "text": "hi"},
        image("https://a/1.png"),
        image("https://a/2.png", "last_frame"),
    )
    assert request.options == {"seed": -1}
