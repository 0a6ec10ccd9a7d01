"""Images at OpenAI."""

import base64
from typing import Any

import httpx2 as httpx
import pytest

from proxy.simulator import pictures
from proxy.simulator.openai import images
from tests.simulator.events import parse

PATH, EDITS = "/v1/images/generations", "/v1/images/edits"
PNG = pictures.png(8, 8, "x")


async def _post(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post(PATH, json={"model": "gpt-image-1", "prompt": "a cat", **fields})
    assert answer.status_code == 200, answer.text
    value: dict[str, Any] = answer.json()
    return value


def _decoded(item: dict[str, str]) -> bytes:
    assert set(item) == {"b64_json"}
    return base64.b64decode(item["b64_json"])


async def test_gpt_images_come_in_base64(strict: httpx.AsyncClient) -> None:
    """Real pictures of the size asked for, all different, with the settings and the usage beside them."""
    made = await _post(strict, n=2, size="1024x1536", quality="high", background=None)
    first, second = (_decoded(item) for item in made.pop("data"))
    assert images.mime(first) == "image/png"
    assert images.dimensions(first) == images.dimensions(second) == (1024, 1536)
    assert first != second
    assert made == {
        "created": 1_795_000_000,
        "background": "auto",
        "output_format": "png",
        "quality": "high",
        "size": "1024x1536",
        "usage": {
            "input_tokens": 2,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": 2},
            "output_tokens": 3072,
            "total_tokens": 3074,
        },
    }


@pytest.mark.parametrize("form", ["jpeg", "webp"])
async def test_formats(strict: httpx.AsyncClient, form: str) -> None:
    """The bytes are of the format that was asked for."""
    (item,) = (await _post(strict, output_format=form, size="auto"))["data"]
    assert images.mime(_decoded(item)) == f"image/{form}"


async def test_other_models_give_links(strict: httpx.AsyncClient) -> None:
    """A link is good for an hour, without a key; base64 comes if it is asked for."""
    made = await _post(strict, model="dall-e-3")
    assert set(made) == {"created", "data"}
    (item,) = made["data"]
    assert item["revised_prompt"] == "a cat"
    (same,) = (await _post(strict, model="other", response_format="b64_json", size="1024x1024"))["data"]
    del strict.headers["authorization"]
    picture = await strict.get(item["url"])
    assert (picture.headers["content-type"], picture.content) == ("image/png", _decoded(same))
    assert (await strict.get(item["url"], headers={"authorization": "Bearer k"})).status_code == 400
    assert (await strict.get(item["url"].replace("1024x1024", "1024x1025"))).status_code == 403
    await strict.post("/_sim/clock", json={"advance": 3600})
    assert (await strict.get(item["url"])).status_code == 403


async def test_the_stream(strict: httpx.AsyncClient) -> None:
    """Partial images first, then the whole one with its usage."""
    fields = {"model": "gpt-image-1", "prompt": "a cat", "stream": True, "partial_images": 2}
    found = parse((await strict.post(PATH, json=fields)).content)
    kinds = ["partial_image", "partial_image", "completed"]
    assert [name for name, _ in found] == [f"image_generation.{kind}" for kind in kinds]
    assert [data.get("partial_image_index") for _, data in found] == [0, 1, None]
    assert found[-1][1]["usage"]["output_tokens"] == 1024
    assert all(data["b64_json"] and data["created_at"] == 1_795_000_000 for _, data in found)


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"prompt": ""}, "missing_required_parameter", "prompt"),
        ({"response_format": "url"}, "unknown_parameter", "response_format"),
        ({"seed": 1}, "unknown_parameter", "seed"),
        ({"watermark": False}, "unknown_parameter", "watermark"),
        ({"sequential_image_generation": "auto"}, "unknown_parameter", "sequential_image_generation"),
        ({"size": "2048x2048"}, "invalid_value", "size"),
        ({"model": "dall-e-2", "size": "1536x1024"}, "invalid_value", "size"),
        ({"model": "other", "size": "2K"}, "invalid_value", "size"),
        ({"n": 11}, None, "n"),
        ({"model": "dall-e-3", "n": 2}, None, "n"),
        ({"model": "dall-e-3", "stream": True}, None, "stream"),
        ({"output_format": "tiff"}, "invalid_value", "output_format"),
        ({"partial_images": 4}, None, "partial_images"),
        ({"quality": "best"}, "invalid_value", "quality"),
        ({"prompt": None}, "invalid_type", "prompt"),
    ],
)
async def test_what_is_refused(strict: httpx.AsyncClient, fields: Any, code: str | None, param: str) -> None:
    """Ark's parameters are unknown here, and gpt-image has no response format."""
    answer = await strict.post(PATH, json={"model": "gpt-image-1", "prompt": "a"} | fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)


@pytest.mark.parametrize("name", ["image", "image[]"])
async def test_edits(strict: httpx.AsyncClient, name: str) -> None:
    """One image or several, a mask, and scalars as text; input images are tokens."""
    files = [(name, ("a.png", PNG, "image/png"))] * (2 if name == "image[]" else 1)
    answer = await strict.post(
        EDITS,
        files=[*files, ("mask", ("m.png", PNG, "image/png"))],
        data={"prompt": "a dog", "model": "gpt-image-1", "n": "2", "size": "1536x1024"},
    )
    made = answer.json()
    assert [images.dimensions(_decoded(item)) for item in made["data"]] == [(1536, 1024)] * 2
    assert made["usage"]["input_tokens_details"] == {"image_tokens": 64 * len(files), "text_tokens": 2}


async def test_edits_stream(strict: httpx.AsyncClient) -> None:
    """Their events have a name of their own; a text in a form is a boolean or a number where one belongs."""
    data = {"prompt": "a", "stream": "true", "partial_images": "1"}
    answer = await strict.post(EDITS, files={"image": ("a", PNG)}, data=data)
    assert [name for name, _ in parse(answer.content)] == ["image_edit.partial_image", "image_edit.completed"]


@pytest.mark.parametrize(
    ("files", "data", "param"),
    [
        ([("mask", PNG)], {"prompt": "a"}, "image"),
        ([("image", b"text")], {"prompt": "a"}, "image"),
        ([("image", PNG)], {}, "prompt"),
        ([("image", PNG)], {"prompt": "a", "n": "two"}, "n"),
        ([("image", PNG)], {"prompt": "a", "watermark": "false"}, "watermark"),
        ([("image", PNG), ("other", PNG)], {"prompt": "a"}, "other"),
        ([("image[]", PNG)] * 17, {"prompt": "a"}, "image"),
    ],
)
async def test_edits_that_are_refused(
    strict: httpx.AsyncClient, files: list[tuple[str, bytes]], data: dict[str, str], param: str
) -> None:
    """Images must be some, real, and not too many; unknown parts are refused by name."""
    answer = await strict.post(EDITS, files=[(name, ("f", content)) for name, content in files], data=data)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_edits_come_as_multipart(strict: httpx.AsyncClient) -> None:
    """JSON is refused, and so is a torn body."""
    assert (await strict.post(EDITS, json={"prompt": "a"})).status_code == 400
    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert (await strict.post(EDITS, content=b"--c", headers=headers)).status_code == 400


async def test_refusals_and_lost_usage(strict: httpx.AsyncClient) -> None:
    """Directives concern images too."""
    refused = await strict.post(PATH, json={"model": "gpt-image-1", "prompt": "[[sim:refuse=400:moderation_blocked]]"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "moderation_blocked")
    assert "usage" not in await _post(strict, prompt="a [[sim:usage=none]]")
    body = {"model": "gpt-image-1", "prompt": "a [[sim:stream-error=0]]", "stream": True}
    ((_, data),) = parse((await strict.post(PATH, json=body)).content)
    assert data["error"]["type"] == "server_error"
