"""With an archive: results are served from it, beyond the upstream's 24 hours, and a delete keeps a copy first."""

import asyncio
import dataclasses
import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest

from proxy.archive import Archive
from proxy.archive.keeper import Keeper, Means, Terms
from proxy.archive.local import LocalArchive
from proxy.archive.s3 import S3Archive
from proxy.gateway import Gateway
from proxy.simulator.media import video_bytes
from proxy.upstream.media import Media
from tests.archive.moto import Moto, bucket
from tests.gateway.house import Caller, House, error_of

DAY = 86400
DAYS = 7
SIZE = 700_000


class Kept(House):
    """A house whose results are archived when a test says `step`."""

    keeper: Keeper

    def __init__(self, folder: Path, archive: Archive, max_size: int = 1 << 30) -> None:
        folder.mkdir(exist_ok=True)
        super().__init__(folder, ("ark", "strict"))
        self.archive = archive
        self._terms = Terms(retention=float(DAYS * DAY), max_size=max_size)

    def __enter__(self) -> "Kept":
        super().__enter__()
        self.gateway.do(self._wire())
        return self

    async def _wire(self) -> None:
        runtime = self.gateway.runtime
        services = runtime._services
        means = Means(
            store=services.store,
            archive=self.archive,
            media=Media(services.client, services.guard, services.quotas),
            upstream=services.router.upstream,
            events=services.events,
            now=services.now,
        )
        self.keeper = Keeper(means, self._terms)
        runtime._engine.gateway = Gateway(dataclasses.replace(services, archive=self.keeper))
        runtime._inner = runtime._web(runtime._config)

    def step(self) -> None:
        """What the keeper's loop does."""
        self.gateway.do(self.keeper.step())

    def film(self, upstream: str = "ark") -> str:
        """A finished task that is archived."""
        task_id = self.finished(upstream, prompt=f"[[sim:size={SIZE}]]")
        self.step()
        return task_id

    def fetches(self, task_id: str, upstream: str = "ark") -> int:
        """How often the upstream was asked for the bytes."""
        asked = self.sims[upstream].requests("GET", task_id)
        return sum("ark-acg" in one["path"] or one["path"].endswith("/content") for one in asked)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """A house with a local archive."""
    folder = tmp_path_factory.mktemp("kept")
    with Kept(folder, LocalArchive(folder / "archive")) as running:
        yield running


@pytest.fixture
def alice(kept: Kept) -> Caller:
    """A caller."""
    return kept.caller("alice")


def content(caller: Caller, task_id: str, method: str = "GET", **headers: str) -> httpx.Response:
    """The content route, by key."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return caller.call(method, f"/v1/videos/{task_id}/content", headers=named)


def test_the_copy_is_served_and_the_upstream_left_alone(kept: Kept, alice: Caller) -> None:
    """Once a copy is there, however many downloads cost none of the link's 100."""
    task_id = kept.film()
    before = kept.fetches(task_id)
    answers = [content(alice, task_id) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert {answer.content for answer in answers} == {video_bytes(SIZE, label=task_id)}
    assert kept.fetches(task_id) == before == 1
    answer = answers[0]
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-length"] == str(SIZE)
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    assert answer.headers["content-disposition"] == f'attachment; filename="{task_id}.mp4"'


def test_head_tells_what_get_would(kept: Kept, alice: Caller) -> None:
    """The headers of the whole, without the bytes."""
    task_id = kept.film()
    head, get = content(alice, task_id, "HEAD"), content(alice, task_id)
    names = ("content-length", "content-type", "etag", "last-modified", "accept-ranges", "content-disposition")
    assert (head.status_code, head.content) == (200, b"")
    assert [head.headers[name] for name in names] == [get.headers[name] for name in names]


def test_ranges(kept: Kept, alice: Caller) -> None:
    """One range is a 206 with its place; one that lies outside a 416 with the size; a void condition gives the whole."""
    task_id = kept.film()
    whole = content(alice, task_id)
    part = content(alice, task_id, range="bytes=1000-299999", if_range=whole.headers["etag"])
    assert (part.status_code, part.content) == (206, whole.content[1000:300000])
    assert part.headers["content-range"] == f"bytes 1000-299999/{SIZE}"
    assert part.headers["content-length"] == "299000"
    end = content(alice, task_id, range="bytes=-10", if_range=whole.headers["last-modified"])
    assert (end.status_code, end.content) == (206, whole.content[-10:])
    changed = content(alice, task_id, range="bytes=1-2", if_range='"another"')
    assert (changed.status_code, len(changed.content)) == (200, SIZE)
    outside = content(alice, task_id, range=f"bytes={SIZE}-")
    assert (outside.status_code, outside.headers["content-range"]) == (416, f"bytes */{SIZE}")
    assert error_of(outside, "openai")["code"] == "range_not_satisfiable"


def test_somebody_else_s_copy_is_unknown(kept: Kept) -> None:
    """The archive opens no door: another caller gets the same 404 as for an unknown task."""
    task_id = kept.film()
    answer = content(kept.caller("mallory"), task_id)
    assert (answer.status_code, error_of(answer, "openai")["code"]) == (404, "video_not_found")


@pytest.mark.parametrize("upstream", ["ark", "strict"])
def test_a_copy_outlives_the_upstream_s_link(kept: Kept, alice: Caller, upstream: str) -> None:
    """After 24 hours the bytes are still there, by key and by the link that the task shows; after the retention it is a 410."""
    task_id = kept.film(upstream)
    before = alice.get(task_id)["metadata"]["url"]
    kept.advance(DAY)
    after = alice.get(task_id)["metadata"]["url"]
    assert content(alice, task_id).status_code == 200
    assert after.startswith(f"{kept.gateway.url}/v1/videos/{task_id}/content?exp=")
    assert (before == after) == (upstream == "strict")
    assert len(httpx.get(after, trust_env=False).content) == SIZE
    assert alice.get(task_id, "ark")["content"]["video_url"] == after
    record = kept.record(task_id)
    assert record is not None
    kept.advance(int(parse_qs(urlsplit(after).query)["exp"][0]) - kept.clock() + 1)
    gone = content(alice, task_id)
    assert (gone.status_code, error_of(gone, "openai")["code"]) == (410, "video_expired")
    assert httpx.get(after, trust_env=False).status_code == 410
    kept.step()
    assert kept.rows("SELECT state FROM archive WHERE task_key = ?", record.key) == [("expired",)]


def test_a_broken_archive_does_not_hide_a_living_link(kept: Kept, alice: Caller) -> None:
    """While the upstream still has the result, trouble with the archive costs nothing; after that it is a 503, not a 410."""
    task_id = kept.film()
    record = kept.record(task_id)
    assert record is not None
    shard = kept.folder / "archive" / record.key[:2]
    away = shard.rename(kept.folder / "away")
    shard.write_bytes(b"a file where the folder was")
    assert content(alice, task_id).content == video_bytes(SIZE, label=task_id)
    kept.advance(DAY)
    answer = content(alice, task_id)
    assert (answer.status_code, error_of(answer, "openai")["code"]) == (503, "upstream_unavailable")
    shard.unlink()
    away.rename(shard)
    assert content(alice, task_id).status_code == 200


def test_a_copy_that_was_lost_falls_back_to_the_upstream(kept: Kept, alice: Caller) -> None:
    """A file that somebody removed is fetched from the upstream while that has it; then it is a 410."""
    task_id = kept.film()
    record = kept.record(task_id)
    assert record is not None
    (kept.folder / "archive" / record.key[:2] / f"{record.key}.mp4").unlink()
    assert content(alice, task_id).status_code == 200
    kept.advance(DAY)
    assert content(alice, task_id).status_code == 410


@pytest.mark.parametrize("family", ["openai", "ark"])
def test_a_delete_archives_first(kept: Kept, alice: Caller, family: str) -> None:
    """The result is copied before its record is destroyed; afterwards the task is a 404 in both families, the copy stays."""
    task_id = kept.finished("ark", prompt=f"[[sim:size={SIZE}]]")
    record = kept.record(task_id)
    assert record is not None
    path = {"openai": "/v1/videos/", "ark": "/api/v3/contents/generations/tasks/"}
    assert alice.call("DELETE", path[family] + task_id).status_code == 200
    asked = [(one["method"], "ark-acg" in one["path"]) for one in kept.sims["ark"].requests("", task_id)]
    assert asked.index(("GET", True)) < asked.index(("DELETE", False))
    for one in path.values():
        assert alice.call("GET", one + task_id).status_code == 404
    copy = kept.folder / "archive" / record.key[:2] / f"{record.key}.mp4"
    assert copy.read_bytes() == video_bytes(SIZE, label=task_id)


def test_a_delete_waits_for_an_archive_in_trouble(kept: Kept, alice: Caller) -> None:
    """If the copy cannot be made now nothing is deleted, and the answer says so; the next attempt does both."""
    task_id = kept.finished("ark")
    kept.sims["ark"].fault("GET /ark-acg-cn-beijing/.*", "answer", status=500)
    refused = alice.call("DELETE", f"/v1/videos/{task_id}")
    assert (refused.status_code, error_of(refused, "openai")["code"]) == (503, "upstream_unavailable")
    assert "nothing was deleted" in refused.json()["error"]["message"]
    assert refused.headers["retry-after"] == "15"
    assert kept.sims["ark"].requests("DELETE", task_id) == []
    assert alice.get(task_id)["status"] == "completed"
    assert alice.call("DELETE", f"/v1/videos/{task_id}").status_code == 200


def test_what_can_never_be_archived_can_be_deleted(tmp_path: Path) -> None:
    """A result over the cap, or one whose link is dead, holds no delete up; neither does a task without a result."""
    with Kept(tmp_path, LocalArchive(tmp_path / "archive"), max_size=1024) as house:
        alice = house.caller("alice")
        large, dead = house.finished("ark", prompt=f"[[sim:size={SIZE}]]"), house.finished("ark")
        failed = alice.create("ark")
        house.end("ark", failed, "failed")
        assert alice.get(failed)["status"] == "failed"
        assert alice.call("DELETE", f"/v1/videos/{large}").status_code == 200
        assert alice.call("DELETE", f"/v1/videos/{failed}").status_code == 200
        house.advance(DAY)
        assert alice.call("DELETE", f"/v1/videos/{dead}").status_code == 200
        states = house.rows("SELECT state FROM archive")
        assert states == [("failed",), ("failed",)]


def test_many_downloads_at_once_hold_nothing_whole(kept: Kept, alice: Caller) -> None:
    """A caller who leaves in the middle leaves no file open behind."""
    task_id = kept.film()
    for _ in range(5):
        with alice.http.stream(
            "GET",
            f"{kept.gateway.url}/v1/videos/{task_id}/content",
        ) as answer:
            next(answer.iter_raw(100))

    def open_copies() -> int:
        return sum("archive" in str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink())

    async def settled() -> AsyncIterator[int]:
        while count := open_copies():
            yield count
            await asyncio.sleep(0.01)

    async def wait() -> None:
        async with asyncio.timeout(10):
            async for _ in settled():
                pass

    kept.gateway.do(wait())


def test_a_bucket_is_redirected_to(tmp_path: Path) -> None:
    """With a bucket, who asks for a redirect gets a presigned link to the copy; who does not gets the bytes, also in part."""
    with Moto(tmp_path) as moto, Kept(tmp_path / "house", S3Archive(bucket(moto.url))) as house:
        alice = house.caller("alice")
        task_id = house.film()
        house.advance(DAY)
        answer = content(alice, task_id, x_arkbridge_content="redirect")
        assert (answer.status_code, answer.headers["cache-control"]) == (302, "no-store")
        link = answer.headers["location"]
        assert link.startswith(f"{moto.url}/results/kept/here/")
        direct = httpx.get(link, trust_env=False)
        assert direct.content == video_bytes(SIZE, label=task_id)
        assert direct.headers["content-disposition"] == f'attachment; filename="{task_id}.mp4"'
        part = content(alice, task_id, range="bytes=5-8")
        assert (part.status_code, part.content) == (206, direct.content[5:9])
        head = content(alice, task_id, "HEAD", x_arkbridge_content="redirect")
        assert (head.status_code, head.headers["content-length"]) == (200, str(SIZE))
        assert house.fetches(task_id) == 1
        moto.client.close()
        house.gateway.do(house.archive.close())
