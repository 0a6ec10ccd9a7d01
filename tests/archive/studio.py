"""What the archive's tests share: a simulator that makes results, a store that knows of them, one clock for both, and a keeper on demand."""

import hashlib
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx2 as httpx

from proxy.archive import Archive
from proxy.archive.keeper import Keeper, Means, Terms
from proxy.archive.local import LocalArchive
from proxy.guard import Guard
from proxy.model import Dialect, Secret, Snapshot, TaskRecord, TaskStatus, Upstream
from proxy.store.archive import Copy
from proxy.store.sqlite import SqliteStore
from proxy.translate.registry import FAMILIES
from proxy.upstream.client import Client, Timeouts, pinned_transport, stock_transport
from proxy.upstream.media import Media
from proxy.upstream.quota import Quotas
from tests.store.made import ROW, task
from tests.support.raw import NOBODY

NOW = 1_795_500_000.0
DAY = 86400.0
MODEL = "doubao-seedance-2-0-fast-260128"
VIDEOS = next(family for family in FAMILIES if family.name == "videos")


class Clock:
    """Unix seconds that stand until a test moves them."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        """Now."""
        return self.now


class Told:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, object]]] = []

    def event(self, level: str, message: str, **fields: object) -> None:
        """Keep one."""
        self.events.append((level, message, fields))

    def messages(self) -> list[str]:
        """What was told."""
        return [message for _, message, _ in self.events]


class Studio:
    """One upstream at `base_url`, the store, and what fetches results."""

    def __init__(self, folder: Path, clock: Clock, base_url: str, dialect: Dialect = Dialect.ARK) -> None:
        self.folder = folder
        self.clock = clock
        self.told = Told()
        self.store = SqliteStore(folder / "data" / "arkbridge.db")
        self.client = Client(stock_transport(NOBODY), pinned_transport(NOBODY), Timeouts(connect=5, send=5, read=10))
        self.quotas = Quotas({}, clock)
        self.upstream = Upstream(name="ark", dialect=dialect, base_url=base_url, api_keys=(Secret("any"),))
        self.media = Media(self.client, Guard(), self.quotas)
        self._made = 0

    def keeper(
        self, archive: Archive | None = None, *, days: float = 30, max_size: int = 1 << 30, known: str = "ark"
    ) -> Keeper:
        """A keeper as a freshly started process has it."""
        means = Means(
            store=self.store,
            archive=archive or LocalArchive(self.folder / "archive"),
            media=self.media,
            upstream={known: self.upstream}.get,
            events=self.told,
            now=self.clock,
        )
        return Keeper(means, Terms(retention=days * DAY, max_size=max_size))

    async def settled(self, task_id: str, snapshot: Snapshot) -> TaskRecord:
        """A task that ended as the snapshot says, as the store has it."""
        self._made += 1
        record = task(self._made, key=f"{self._made:032x}", created_at=self.clock() - 60)
        await self.store.add_task(record)
        assert await self.store.accept_task(record.key, task_id, snapshot, None)
        row = replace(ROW, time=self.clock(), task_key=record.key, task_id=task_id, status=snapshot.status)
        assert await self.store.settle(record.key, snapshot, self.clock(), row)
        found = await self.store.task_by_key(record.key)
        assert found is not None
        return found

    async def linked(self, url: str, **facts: object) -> TaskRecord:
        """A task whose result lies at this address."""
        snapshot = Snapshot(
            status=TaskStatus.SUCCEEDED,
            status_word="succeeded",
            updated_at=int(self.clock()),
            video_url=url,
            **facts,  # type: ignore[arg-type]  # fields are named by the test
        )
        return await self.settled(f"cgt-{self._made}", snapshot)

    async def film(self, prompt: str = "a cat", link: str | None = None, **fields: object) -> TaskRecord:
        """A task that the simulator made and finished; with another link than the simulator's, if one is given."""
        body: dict[str, object] = {"model": MODEL, "content": [{"type": "text", "text": prompt}], **fields}
        made = await self.ask("POST", "/contents/generations/tasks", body)
        return await self.finish(str(made.json()["id"]), link)

    async def finish(self, task_id: str, link: str | None = None) -> TaskRecord:
        """Let the simulator end a task, and settle it; with another link than the simulator's, if one is given."""
        await self.control(f"tasks/{task_id}", {"status": "succeeded"})
        outbound = VIDEOS.toward(self.upstream)
        answer = await self.client.send(self.upstream, outbound.encode_read(task_id))
        snapshot = outbound.decode_task(answer).snapshot
        return await self.settled(task_id, replace(snapshot, video_url=link or snapshot.video_url))

    async def control(self, path: str, body: object) -> None:
        """One word to the simulator's control routes."""
        parts = urlsplit(self.upstream.base_url)
        await self.ask("POST", f"{parts.scheme}://{parts.netloc}/_sim/{path}", body)

    async def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        """One request to the simulator."""
        url = path if path.startswith("http") else self.upstream.base_url + path
        async with httpx.AsyncClient(trust_env=False, verify=NOBODY) as client:
            answer = await client.request(method, url, json=body, headers={"authorization": "Bearer any"})
        assert answer.status_code == 200, answer.text
        return answer

    async def copy(self, record: TaskRecord) -> Copy:
        """What became of a task's copy."""
        found = await self.store.copy(record.key)
        assert found is not None
        return found

    async def served(self, keeper: Keeper, record: TaskRecord) -> bytes:
        """The bytes that a caller would get."""
        found = await keeper.shelf.find(record)
        assert found is not None
        body = b"".join([chunk async for chunk in keeper.shelf.read(found, 0, found.size)])
        assert (len(body), hashlib.sha256(body).hexdigest()) == (found.size, found.sha256)
        return body

    def files(self) -> list[str]:
        """The files of the local archive, unfinished ones included."""
        return sorted(path.name for path in (self.folder / "archive").rglob("*") if path.is_file())
