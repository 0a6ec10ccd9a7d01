"""The keeper: every result is copied once while its link lives, and goes when its time is over."""

import asyncio
import hashlib

import pytest

from proxy.archive.keeper import FIRST_PAUSE, LEASE, SWEEP
from proxy.model import Snapshot, TaskStatus
from proxy.simulator.media import LAST_FRAME, video_bytes
from proxy.store.archive import CopyState
from tests.archive.shop import Shop
from tests.archive.studio import DAY, Clock, Studio
from tests.support.raw import raw

PATH = "/ark-acg-cn-beijing/.*"


async def test_a_result_is_copied_whole(studio: Studio) -> None:
    """What is kept are the upstream's bytes, with their size, type and checksum, under the task's internal key."""
    record = await studio.film("[[sim:size=3000000]]")
    keeper = studio.keeper()
    await keeper.step()
    copy = await studio.copy(record)
    expected = video_bytes(3_000_000, label=record.id or "")
    assert (copy.state, copy.size, copy.content_type) == (CopyState.KEPT, 3_000_000, "video/mp4")
    assert (copy.sha256, copy.attempts, copy.next_try) == (hashlib.sha256(expected).hexdigest(), 1, None)
    assert (copy.location, copy.frame) == (f"local:{record.key}.mp4", None)
    assert studio.files() == [f"{record.key}.mp4"]
    assert await studio.served(keeper, record) == expected


async def test_a_result_is_fetched_once(studio: Studio) -> None:
    """Further steps, by this process or the next, fetch nothing again: a link allows 100 downloads."""
    record = await studio.film()
    await studio.keeper().step()
    studio.clock.now += 2 * SWEEP
    await studio.keeper().step()
    fetched = (await studio.ask("GET", f"{studio.upstream.base_url[:-7]}/_sim/requests")).json()
    assert sum("ark-acg" in one["path"] for one in fetched) == 1
    assert (await studio.copy(record)).attempts == 1


async def test_several_loops_share_the_work(studio: Studio) -> None:
    """Loops that step side by side copy every result exactly once."""
    records = [await studio.film(f"cat {number}") for number in range(6)]
    keeper = studio.keeper()
    await asyncio.gather(*(keeper.step() for _ in range(3)))
    assert [(await studio.copy(record)).attempts for record in records] == [1] * 6
    assert len(studio.files()) == 6


async def test_a_last_frame_is_copied_beside_the_video(studio: Studio) -> None:
    """Where the upstream gives a last frame it is kept too."""
    record = await studio.film(return_last_frame=True)
    await studio.keeper().step()
    copy = await studio.copy(record)
    assert copy.frame == f"local:{record.key}-last.jpeg"
    kept = studio.folder / "archive" / record.key[:2] / f"{record.key}-last.jpeg"
    assert kept.read_bytes() == LAST_FRAME


async def test_a_lost_last_frame_costs_no_video(studio: Studio) -> None:
    """A last frame that cannot be had is told of, and the video is kept all the same."""
    record = await studio.film(return_last_frame=True)
    await studio.control("faults", {"match": "GET .*last-frame.*", "fault": "answer", "status": 404})
    await studio.keeper().step()
    copy = await studio.copy(record)
    assert (copy.state, copy.frame) == (CopyState.KEPT, None)
    assert studio.told.messages() == ["a last frame could not be archived"]


@pytest.mark.parametrize("status", [TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.EXPIRED])
async def test_only_results_are_copied(studio: Studio, status: TaskStatus) -> None:
    """A task that ended without a result has no copy and no row."""
    record = await studio.settled("cgt-x", Snapshot(status=status, status_word=status.value))
    keeper = studio.keeper()
    await keeper.step()
    assert await studio.store.copy(record.key) is None
    assert await keeper.keep_now(record) is None


async def test_results_of_before_are_copied_while_their_link_lives(studio: Studio) -> None:
    """An archive that is turned on takes what ended in the last 24 hours and nothing older."""
    old = await studio.film("old")
    studio.clock.now += DAY
    young = await studio.film("young")
    studio.clock.now += DAY / 2
    await studio.keeper().step()
    assert await studio.store.copy(old.key) is None
    assert (await studio.copy(young)).state is CopyState.KEPT


async def test_a_new_result_is_seen_between_the_sweeps(studio: Studio) -> None:
    """A keeper that has looked at everything sees what ends after that without looking at everything again."""
    keeper = studio.keeper()
    await keeper.step()
    studio.clock.now += 1
    record = await studio.film()
    await keeper.step()
    assert (await studio.copy(record)).state is CopyState.KEPT


# -- trouble -----------------------------------------------------------------------------------------------------------------


async def test_trouble_is_tried_again_with_growing_pauses(studio: Studio) -> None:
    """A failed attempt leaves a reason and the time of the next; once the trouble is over the result is kept."""
    record = await studio.film()
    await studio.control("faults", {"match": f"GET {PATH}", "times": 3, "fault": "answer", "status": 500})
    keeper, pauses = studio.keeper(), []
    for _ in range(3):
        await keeper.step()
        copy = await studio.copy(record)
        assert (copy.state, copy.location) == (CopyState.WAITING, None)
        assert "500" in (copy.reason or "")
        assert copy.next_try is not None
        pauses.append(copy.next_try - studio.clock())
        await keeper.step()
        assert (await studio.copy(record)).attempts == copy.attempts
        studio.clock.now = copy.next_try
    await keeper.step()
    copy = await studio.copy(record)
    assert pauses == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert (copy.state, copy.attempts, copy.reason) == (CopyState.KEPT, 4, None)


async def test_a_link_that_died_is_a_failure_with_a_reason(studio: Studio) -> None:
    """When the link's 24 hours are over before a copy was made, the row says failed and why, and an event says so once."""
    record = await studio.film()
    await studio.control("faults", {"match": f"GET {PATH}", "times": 1000, "fault": "answer", "status": 500})
    keeper, attempts = studio.keeper(), 0
    while (copy := await studio.store.copy(record.key)) is None or copy.state is CopyState.WAITING:
        await keeper.step()
        attempts += 1
        studio.clock.now = (await studio.copy(record)).next_try or studio.clock.now
    assert (copy.state, copy.next_try, copy.location) == (CopyState.FAILED, None, None)
    assert "500" in (copy.reason or "")
    assert attempts == copy.attempts <= 33
    assert 0 < record.created_at + 60 + DAY - studio.clock() < 120
    assert studio.told.messages().count("a result could not be archived") == 1
    await keeper.step()
    assert (await studio.copy(record)).attempts == attempts


async def test_a_link_that_is_dead_already_is_tried_once(studio: Studio) -> None:
    """A result seen when its link was over is a failure at once."""
    record = await studio.film()
    studio.clock.now += DAY
    await studio.keeper().step()
    copy = await studio.copy(record)
    assert (copy.state, copy.attempts) == (CopyState.FAILED, 1)
    assert "403" in (copy.reason or "")


async def test_a_fresh_link_is_asked_for(studio: Studio, simulator: str) -> None:
    """A link that is no longer good is replaced by the one that the upstream gives now, in the same attempt."""
    record = await studio.film(link=f"{simulator}/ark-acg-cn-beijing/m/old.mp4?X-Tos-Date=20260101T000000Z")
    await studio.keeper().step()
    copy = await studio.copy(record)
    assert (copy.state, copy.attempts) == (CopyState.KEPT, 1)


async def test_a_result_over_the_cap_is_not_kept(studio: Studio) -> None:
    """A result larger than the setting is a failure at once that names the setting, and leaves no bytes."""
    record = await studio.film("[[sim:size=300000]]")
    await studio.keeper(max_size=299_999).step()
    copy = await studio.copy(record)
    assert copy.state is CopyState.FAILED
    assert "video.archive_max_size" in (copy.reason or "")
    assert studio.files() == []


async def test_a_result_as_large_as_the_cap_is_kept(studio: Studio) -> None:
    """The cap itself is allowed."""
    record = await studio.film("[[sim:size=300000]]")
    await studio.keeper(max_size=300_000).step()
    assert (await studio.copy(record)).state is CopyState.KEPT


async def test_a_full_disk_is_trouble(studio: Studio) -> None:
    """An archive that cannot be written leaves the row waiting, and says what to check."""
    record = await studio.film()
    (studio.folder / "archive").write_text("a file where the folder should be")
    await studio.keeper().step()
    copy = await studio.copy(record)
    assert copy.state is CopyState.WAITING
    assert "check the folder" in (copy.reason or "")


async def test_an_upstream_that_is_gone_is_trouble(studio: Studio) -> None:
    """A result whose upstream is not configured waits for it."""
    record = await studio.film()
    await studio.keeper(known="other").step()
    copy = await studio.copy(record)
    assert (copy.state, copy.reason) == (CopyState.WAITING, "its upstream ark is not configured")


# -- at once -----------------------------------------------------------------------------------------------------------------


async def test_keep_now_does_not_wait_for_its_turn(studio: Studio) -> None:
    """Before a record is destroyed its result is copied at once, also when the next attempt is due later only."""
    record = await studio.film()
    await studio.control("faults", {"match": f"GET {PATH}", "fault": "answer", "status": 500})
    keeper = studio.keeper()
    first = await keeper.keep_now(record)
    second = await keeper.keep_now(record)
    third = await keeper.keep_now(record)
    assert first is not None
    assert second is not None
    assert (first.state, second.state) == (CopyState.WAITING, CopyState.KEPT)
    assert third == second
    assert second.attempts == 2


async def test_keep_now_joins_a_copy_that_is_under_way(studio: Studio) -> None:
    """Two who want the same copy at once make one attempt."""
    record = await studio.film("[[sim:size=2000000]]")
    keeper = studio.keeper()
    _, one, two = await asyncio.gather(keeper.step(), keeper.keep_now(record), keeper.keep_now(record))
    assert one == two
    assert one is not None
    assert (one.state, one.attempts) == (CopyState.KEPT, 1)


# -- processes that die ------------------------------------------------------------------------------------------------------


async def test_a_dead_attempt_is_made_again_at_the_next_start(studio: Studio) -> None:
    """What a process had claimed when it died is due when the next one recovers, and not before."""
    record = await studio.film()
    now = studio.clock()
    assert await studio.store.claim_copy(record.key, now, now + LEASE) is not None
    keeper = studio.keeper()
    await keeper.step()
    assert (await studio.copy(record)).state is CopyState.COPYING
    await keeper.recover()
    await keeper.step()
    copy = await studio.copy(record)
    assert (copy.state, copy.attempts) == (CopyState.KEPT, 2)


async def test_a_dead_attempt_ends_with_its_lease(studio: Studio) -> None:
    """Where no process starts anew, a claim that nobody ended lapses."""
    record = await studio.film()
    now = studio.clock()
    await studio.store.claim_copy(record.key, now, now + LEASE)
    studio.clock.now += LEASE
    await studio.keeper().step()
    assert (await studio.copy(record)).state is CopyState.KEPT


async def test_a_cancelled_step_leaves_nothing_half_written(studio: Studio) -> None:
    """When the process ends in good order in the middle of a copy, no file of it stays and the next start copies it."""
    shop = Shop(bytes(4 * 1024 * 1024), cuts=[-3 * 1024 * 1024])
    async with raw(shop) as server:
        record = await studio.linked(f"{server.url}/v.mp4")
        async with asyncio.TaskGroup() as group:
            step = group.create_task(studio.keeper().step())
            while not studio.files():  # noqa: ASYNC110 - nothing tells when a file appears
                await asyncio.sleep(0)
            await shop.sent.wait()
            step.cancel()
        assert studio.files() == []
        again = studio.keeper()
        await again.recover()
        await again.step()
        assert (await studio.copy(record)).state is CopyState.KEPT


async def test_a_break_in_the_middle_is_healed_in_the_same_attempt(studio: Studio) -> None:
    """A connection that breaks costs no second attempt where the server honours ranges."""
    shop = Shop(bytes(range(256)) * 8192, cuts=[1_500_000])
    async with raw(shop) as server:
        record = await studio.linked(f"{server.url}/v.mp4")
        keeper = studio.keeper()
        await keeper.step()
        assert (await studio.copy(record)).attempts == 1
        assert await studio.served(keeper, record) == shop.body


async def test_a_break_without_ranges_is_another_attempt_from_the_start(studio: Studio) -> None:
    """Where the server does not honour ranges, the half is thrown away and the next attempt fetches the whole."""
    shop = Shop(bytes(range(256)) * 8192, cuts=[1_500_000], ranges=False)
    async with raw(shop) as server:
        record = await studio.linked(f"{server.url}/v.mp4")
        keeper = studio.keeper()
        await keeper.step()
        assert (await studio.copy(record)).state is CopyState.WAITING
        assert studio.files() == []
        studio.clock.now += FIRST_PAUSE
        await keeper.step()
        assert await studio.served(keeper, record) == shop.body


# -- retention ---------------------------------------------------------------------------------------------------------------


async def test_a_copy_goes_when_its_time_is_over(studio: Studio) -> None:
    """After so many days the files are removed, the row says so, and nothing is served; the moment before it still is."""
    record = await studio.film(return_last_frame=True)
    keeper = studio.keeper(days=3)
    await keeper.step()
    studio.clock.now = record.created_at + 60 + 3 * DAY - 1
    await keeper.step()
    assert await keeper.shelf.find(record) is not None
    studio.clock.now += 1
    assert await keeper.shelf.find(record) is None
    studio.clock.now += SWEEP
    await keeper.step()
    copy = await studio.copy(record)
    assert (copy.state, copy.location, copy.frame) == (CopyState.EXPIRED, None, None)
    assert copy.reason == "its time in the archive is over"
    assert (copy.size, copy.sha256) != (None, None)
    assert studio.files() == []


async def test_without_a_retention_copies_stay(studio: Studio) -> None:
    """0 days means for ever."""
    record = await studio.film()
    keeper = studio.keeper(days=0)
    await keeper.step()
    studio.clock.now += 5000 * DAY
    await keeper.step()
    assert (await studio.copy(record)).expires_at is None
    assert await studio.served(keeper, record) == video_bytes(label=record.id or "")


async def test_a_removal_that_fails_is_tried_again(studio: Studio, clock: Clock) -> None:
    """A copy that cannot be removed keeps its row until it can."""
    record = await studio.film()
    keeper = studio.keeper(days=1)
    await keeper.step()
    folder = studio.folder / "archive" / record.key[:2]
    (folder / f"{record.key}.mp4").unlink()
    (folder / f"{record.key}.mp4").mkdir()
    clock.now += 2 * DAY
    await keeper.step()
    assert (await studio.copy(record)).state is CopyState.KEPT
    assert studio.told.messages() == ["an archived result could not be removed"]
    (folder / f"{record.key}.mp4").rmdir()
    clock.now += SWEEP
    await keeper.step()
    assert (await studio.copy(record)).state is CopyState.EXPIRED
