"""Images at Ark."""

import base64
from typing import Any

import httpx2 as httpx
import pytest

from proxy.simulator.openai import images
from tests.simulator.events import parse

PATH = "/api/v3/images/generations"
LITE, S45, S40, S30 = (
    "doubao-seedream-5-0-lite",
    "doubao-seedream-4-5",
    "doubao-seedream-4-0",
    "doubao-seedream-3-0-t2i",
)
PRO, FLASH = "doubao-seedream-5-0-pro", "doubao-seedream-5.0-flash"
UNSUPPORTED = "InvalidParameter.UnsupportedParameter"
AUTO = {"sequential_image_generation": "auto"}


def _most(number: int) -> dict[str, Any]:
    return AUTO | {"sequential_image_generation_options": {"max_images": number}}


async def _post(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post(PATH, json={"model": S40, "prompt": "a cat", **fields})
    assert answer.status_code == 200, answer.text
    value: dict[str, Any] = answer.json()
    return value


async def test_an_image_by_its_link(client: httpx.AsyncClient) -> None:
    """The link leads to a real picture of the size asked for; it needs no key and refuses one."""
    made = await _post(client, size="1280x720", watermark=None)
    (item,) = made.pop("data")
    tokens = 1280 * 720 // 256
    usage = {"generated_images": 1, "output_tokens": tokens, "total_tokens": tokens}
    assert made == {"model": S40, "created": 1_795_000_000, "usage": usage}
    assert (item["size"], item["output_format"]) == ("1280x720", "jpeg")
    del client.headers["authorization"]
    picture = await client.get(item["url"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
    assert images.dimensions(picture.content) == (1280, 720)
    assert (await client.get(item["url"], headers={"authorization": "Bearer k"})).status_code == 400
    assert (await client.get(item["url"].replace("1280", "1281"))).status_code == 403
    await client.post("/_sim/clock", json={"advance": 86_400})
    assert (await client.get(item["url"])).status_code == 403


async def test_an_image_in_the_answer(client: httpx.AsyncClient) -> None:
    """In base64 it is the same picture for the same prompt."""
    first, second = [await _post(client, response_format="b64_json", output_format="png", size="1K") for _ in range(2)]
    assert first["data"] == second["data"]
    (item,) = first["data"]
    assert "url" not in item
    assert images.dimensions(base64.b64decode(item["b64_json"])) == (1024, 1024)


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({}, 1),
        ({"sequential_image_generation": "disabled"}, 1),
        (AUTO, 3),
        (_most(15), 15),
        (_most(5) | {"prompt": "a [[sim:images=2]]"}, 2),
    ],
)
async def test_several_images(client: httpx.AsyncClient, fields: dict[str, Any], count: int) -> None:
    """`auto` makes as many as it may, or fewer where the prompt says so; all count."""
    made = await _post(client, size="1K", **fields)
    assert (len(made["data"]), made["usage"]["generated_images"]) == (count, count)
    assert made["usage"]["output_tokens"] == count * 4096


async def test_one_image_of_several_fails(client: httpx.AsyncClient) -> None:
    """It has an error in its place and costs nothing; where all fail, the answer itself has the error."""
    made = await _post(client, prompt="a [[sim:image-error=1]]", size="1K", **_most(3))
    assert [sorted(item) for item in made["data"]] == [
        ["output_format", "size", "url"],
        ["error"],
        ["output_format", "size", "url"],
    ]
    assert made["data"][1]["error"]["code"] == "OutputImageSensitiveContentDetected"
    assert (made["usage"]["generated_images"], made["usage"]["output_tokens"]) == (2, 8192)
    none = await _post(client, prompt="a [[sim:image-error=0]]", size="1K")
    assert (none["data"], none["usage"]["generated_images"]) == ([], 0)
    assert none["error"]["code"] == "OutputImageSensitiveContentDetected"


async def test_inputs_and_searches_are_counted(client: httpx.AsyncClient) -> None:
    """The usage tells how many images came in, and that the web was searched."""
    usage = (await _post(client, image=["https://a/1.png", "https://a/2.png"], tools=[{"type": "web_search"}]))["usage"]
    assert (usage["input_images"], usage["tool_usage"]) == (2, {"web_search": 1})


async def test_the_stream(client: httpx.AsyncClient) -> None:
    """An event for each image, whether it was made or failed, and one with the usage."""
    fields = {"model": S40, "prompt": "a [[sim:image-error=1]]", "size": "1K", "stream": True, **_most(3)}
    *found, done = parse((await client.post(PATH, json=fields)).content)
    assert done == ("", "[DONE]")
    kinds = ["partial_succeeded", "partial_failed", "partial_succeeded", "completed"]
    assert [name for name, _ in found] == [f"image_generation.{kind}" for kind in kinds]
    assert all(data["type"] == name and data["model"] == S40 for name, data in found)
    assert [data.get("image_index") for _, data in found] == [0, 1, 2, None]
    assert found[0][1]["size"] == "1024x1024"
    assert "usage" not in found[0][1]
    assert found[1][1]["error"]["code"] == "OutputImageSensitiveContentDetected"
    assert found[3][1]["usage"]["generated_images"] == 2


async def test_an_error_inside_a_stream(client: httpx.AsyncClient) -> None:
    """It is an event `error` with code and message."""
    fields = {"model": S40, "prompt": "a [[sim:stream-error=1]]", "stream": True, **AUTO}
    name, data = parse((await client.post(PATH, json=fields)).content)[-1]
    assert (name, set(data["error"])) == ("error", {"code", "message"})


@pytest.mark.parametrize(
    ("model", "size", "allowed"),
    [
        (LITE, "2K", True),
        (LITE, "1K", False),
        (LITE, "4K", False),
        (LITE, "1920x1920", True),
        (LITE, "1919x1920", False),
        (S45, "4K", True),
        (S45, "1024x1024", False),
        (S45, "4097x4096", False),
        (S40, "1280x720", True),
        (S40, "1279x720", False),
        (S40, "4096x256", True),
        (S40, "4112x256", False),
        (S30, "512x512", True),
        (S30, "511x512", False),
        (S30, "3K", False),
        (PRO, "512x512", True),
        ("ep-20260101-x", "1K", True),
        (S40, "2k", False),
        (S40, "auto", False),
        (S40, "1024*1024", False),
    ],
)
async def test_sizes(client: httpx.AsyncClient, model: str, size: str, allowed: bool) -> None:
    """Each model has its range of pixels, all have the ratio of 1/16 to 16; names are in upper case."""
    answer = await client.post(PATH, json={"model": model, "prompt": "a", "size": size})
    assert answer.status_code == (200 if allowed else 400)
    if not allowed:
        assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == ("InvalidParameter", "size")


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"model": None}, "MissingParameter", "model"),
        ({"prompt": None}, "MissingParameter", "prompt"),
        ({"n": 1}, UNSUPPORTED, "n"),
        ({"quality": "high"}, UNSUPPORTED, "quality"),
        ({"style": "vivid"}, UNSUPPORTED, "style"),
        ({"user": "u"}, UNSUPPORTED, "user"),
        ({"guidance_scale": 2.5}, UNSUPPORTED, "guidance_scale"),
        ({"model": S30, "guidance_scale": 11}, "InvalidParameter", "guidance_scale"),
        ({"model": S30, "stream": True}, UNSUPPORTED, "stream"),
        ({"model": PRO, "stream": True}, UNSUPPORTED, "stream"),
        ({"model": FLASH, **AUTO}, UNSUPPORTED, "sequential_image_generation"),
        (_most(16), "InvalidParameter", "sequential_image_generation_options.max_images"),
        ({"output_format": "webp"}, "InvalidParameter", "output_format"),
        ({"response_format": "b64"}, "InvalidParameter", "response_format"),
        ({"image": ["https://a"] * 15}, "InvalidParameter", "image"),
        ({"model": PRO, "image": ["https://a"] * 11}, "InvalidParameter", "image"),
        ({"image": ["https://a", 5]}, "InvalidParameter", "image[1]"),
        ({"image": "file-1"}, "InvalidParameter", "image"),
        ({"tools": [{"type": "mcp"}]}, "InvalidParameter", "tools"),
        ({"optimize_prompt_options": {"mode": "slow"}}, "InvalidParameter", "optimize_prompt_options.mode"),
        ({"watermark": "yes"}, "InvalidParameter", "watermark"),
    ],
)
async def test_what_is_refused(client: httpx.AsyncClient, fields: dict[str, Any], code: str, param: str) -> None:
    """OpenAI's own parameters, those of other models, and values that are not allowed."""
    answer = await client.post(PATH, json={"model": S40, "prompt": "a"} | fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)


async def test_other_models_make_no_images(client: httpx.AsyncClient) -> None:
    """A model without a version of Seedream in its name is unknown here; a 3.0 model takes a guidance scale."""
    answer = await client.post(PATH, json={"model": "gpt-image-1", "prompt": "a"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "InvalidEndpointOrModel.NotFound")
    assert (await _post(client, model=S30, guidance_scale=2.5, seed=-1, size="1K"))["model"] == S30


async def test_a_large_data_url_is_refused(client: httpx.AsyncClient) -> None:
    """About 10 MB of an image are too much."""
    answer = await client.post(
        PATH, json={"model": S40, "prompt": "a", "image": "data:image/png;base64," + "A" * 10_500_000}
    )
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "image")
