"""Result links and the object store behind them."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx

from proxy.simulator import Settings, media

Inside = Callable[[Settings], AbstractAsyncContextManager[httpx.AsyncClient]]
Started = Callable[[Settings], AbstractContextManager[httpx.Client]]
TASKS = "/api/v3/contents/generations/tasks"
S25, S20 = "doubao-seedance-2-5-260628", "doubao-seedance-2-0-260128"
DAY = 86_400


async def _content(
    client: httpx.AsyncClient, model: str = S20, prompt: str = "a cat", **fields: object
) -> dict[str, str]:
    body = {"model": model, "content": [{"type": "text", "text": prompt}], "resolution": "480p"} | fields
    task_id = (await client.post(TASKS, json=body)).json()["id"]
    await client.post("/_sim/clock", json={"advance": 3600})
    content: dict[str, str] = (await client.get(f"{TASKS}/{task_id}")).json()["content"]
    return content


async def _open(client: httpx.AsyncClient, url: str, **headers: str) -> httpx.Response:
    """GET without the key that the client sends elsewhere."""
    request = client.build_request("GET", url, headers=headers)
    request.headers.pop("authorization", None)
    return await client.send(request)


async def test_a_link_has_the_presigned_form(client: httpx.AsyncClient) -> None:
    """The link lies outside /api/v3, in a folder of the model, and carries the query of a presigned one."""
    url = urlsplit((await _content(client))["video_url"])
    assert url.path.startswith("/ark-acg-cn-beijing/doubao-seedance-2-0/")
    assert url.path.endswith(".mp4")
    query = parse_qs(url.query)
    assert list(query) == ["X-Tos-Algorithm", "X-Tos-Date", "X-Tos-Expires", "X-Tos-Signature"]
    assert query["X-Tos-Expires"] == ["86400"]


async def test_the_video_is_whole_and_its_tasks_own(client: httpx.AsyncClient) -> None:
    """Two tasks have different playable videos; no CORS header is sent."""
    answers = [await _open(client, (await _content(client))["video_url"]) for _ in range(2)]
    assert all(answer.status_code == 200 and answer.content.startswith(media.SAMPLE) for answer in answers)
    assert answers[0].content != answers[1].content
    assert answers[0].headers["content-type"] == "video/mp4"
    assert "access-control-allow-origin" not in answers[0].headers


async def test_the_last_frame_and_mov(client: httpx.AsyncClient) -> None:
    """A last frame is there when it was asked for, as a JPEG; mov has its own type."""
    content = await _content(client, S25, return_last_frame=True, output_format="mov")
    frame, video = await _open(client, content["last_frame_url"]), await _open(client, content["video_url"])
    assert (frame.headers["content-type"], frame.content) == ("image/jpeg", media.LAST_FRAME)
    assert video.headers["content-type"] == "video/quicktime"


async def test_refusals(client: httpx.AsyncClient) -> None:
    """A key, HEAD, a changed link and a missing query are refused, with a body that names a code."""
    url = (await _content(client))["video_url"]
    answers = [
        await client.get(url),
        await client.head(url, headers={"authorization": ""}),
        await _open(client, url.replace(".mp4", ".mov")),
        await _open(client, url[:-1] + ("0" if url[-1] != "0" else "1")),
        await _open(client, url.partition("?")[0]),
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 403, 403, 403]
    head = client.build_request("HEAD", url)
    head.headers.pop("authorization")
    assert (await client.send(head)).status_code == 403
    assert answers[0].json()["Code"] == "InvalidArgument"


async def test_a_link_dies_after_24_hours_and_stays_the_same(client: httpx.AsyncClient) -> None:
    """The task goes on naming the link that does not work any more."""
    url = (await _content(client))["video_url"]
    task_id = urlsplit(url).path.rpartition("/")[2].removesuffix(".mp4")
    await client.post("/_sim/clock", json={"advance": DAY - 3600})
    assert (await _open(client, url)).status_code == 200
    await client.post("/_sim/clock", json={"advance": 3600})
    assert (await _open(client, url)).status_code == 403
    assert (await client.get(f"{TASKS}/{task_id}")).json()["content"]["video_url"] == url


async def test_the_video_goes_with_its_record(client: httpx.AsyncClient) -> None:
    """Deleting a finished task destroys its video too."""
    url = (await _content(client))["video_url"]
    task_id = urlsplit(url).path.rpartition("/")[2].removesuffix(".mp4")
    assert (await client.delete(f"{TASKS}/{task_id}")).json() == {}
    assert (await _open(client, url)).status_code == 404


async def test_a_hundred_downloads_of_2_5(client: httpx.AsyncClient) -> None:
    """The 101st download of a 2.5 video is refused; 2.0 has no such end."""
    urls = [(await _content(client, model))["video_url"] for model in (S25, S20)]
    last = []
    for url in urls:
        for _ in range(100):
            await _open(client, url, range="bytes=0-0")
        last.append((await _open(client, url)).status_code)
    assert last == [403, 200]


async def test_a_link_survives_a_restart(inside: Inside, tmp_path: Path) -> None:
    """The next simulator on the same state file knows the links of the first, and gives the same ones."""
    settings = Settings(state=tmp_path / "state", now=lambda: 1_795_000_000.0)
    async with inside(settings) as client:
        url = (await _content(client))["video_url"]
    async with inside(settings) as client:
        assert (await _open(client, url)).status_code == 200
        assert (await client.get(TASKS)).json()["items"][0]["content"]["video_url"] == url


async def test_a_configured_origin(inside: Inside) -> None:
    """Links have the origin that the settings name, else the one that the request came to."""
    async with inside(Settings(base_url="http://media.example:8080/")) as client:
        assert (await _content(client))["video_url"].startswith("http://media.example:8080/ark-acg")


def test_large_videos_over_a_socket(started: Started) -> None:
    """A prompt sets the size of its video; ranges of it arrive exactly, and it ends where it should."""
    size = 5_000_000
    with started(Settings(speed=1000)) as client:
        content = [{"type": "text", "text": f"a cat [[sim:size={size}]]"}]
        task_id = client.post(TASKS, json={"model": S20, "content": content}).json()["id"]
        client.post("/_sim/clock", json={"advance": 3600})
        url = client.get(f"{TASKS}/{task_id}").json()["content"]["video_url"]
        with httpx.Client(trust_env=False) as plain:
            whole = plain.get(url)
            part = plain.get(url, headers={"range": "bytes=20000-40000", "if-range": whole.headers["etag"]})
    assert (whole.status_code, len(whole.content), whole.headers["content-length"]) == (200, size, str(size))
    assert (part.status_code, part.content) == (206, whole.content[20_000:40_001])
    assert part.headers["content-range"] == f"bytes 20000-40000/{size}"
