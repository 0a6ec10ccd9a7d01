"""The links that callers get: never one that needs our key, always the same one, good for a day after the end."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.gateway.links import LIFETIME, expires_at, is_protected, link_for, public_link, signed_link
from proxy.model import Dialect, Snapshot, TaskRecord, TaskState, TaskStatus, Upstream
from proxy.signing import Signer

MADE = 1_795_488_000
SIGNER = Signer(b"a secret of the tests")
BASE = "http://gw.example:8686"
PLAIN = "https://media.example/v.mp4?X-Tos-Signature=abc"


def upstream(base_url: str = "https://api.example/v1") -> Upstream:
    """The upstream of the task."""
    return Upstream(name="up", dialect=Dialect.OPENAI, base_url=base_url)


def record(
    url: str | None = PLAIN, status: TaskStatus = TaskStatus.SUCCEEDED, task_id: str | None = "video_1"
) -> TaskRecord:
    """A task that was seen once."""
    return TaskRecord(
        key="internal-1",
        id=task_id,
        caller="team",
        key_prefix="sk-ab-123456",
        upstream="up",
        dialect=Dialect.OPENAI,
        operation="videos.create",
        original_model="m",
        request_model="m",
        request_id="req_1",
        created_at=MADE + 0.5,
        state=TaskState.ACCEPTED,
        snapshot=Snapshot(status=status, status_word=status.value, video_url=url, updated_at=MADE + 60),
    )


PROTECTED = (
    ("https://api.example/v1", "https://api.example/v1/videos/1/content", True),
    ("https://api.example/v1", "https://API.example/v1/videos/1/content", True),
    ("https://api.example/v1", "HTTPS://api.example:443/v1/videos/1/content", True),
    ("https://api.example:443/v1", "https://api.example/v1/videos/1/content", True),
    ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1/x", True),
    ("http://[::1]:8000/v1", "http://[0::1]:8000/v1/x", True),
    ("https://api.example", "https://api.example/anything", True),
    ("https://api.example/v1/", "https://api.example/v1/x", True),
    ("https://api.example/v1", "https://api.example/v1", False),
    ("https://api.example/v1", "https://api.example/v10/x", False),
    ("https://api.example/v1", "https://api.example/files/x.mp4", False),
    ("https://api.example/v1", "http://api.example/v1/x", False),
    ("https://api.example/v1", "https://api.example:8443/v1/x", False),
    ("https://api.example/v1", "https://media.api.example/v1/x", False),
    ("https://api.example/v1", "https://api.example.other/v1/x", False),
    ("https://api.example/v1", "https://other.example/?x=https://api.example/v1/x", False),
    ("https://api.example/v1", "/v1/videos/1/content", False),
    ("https://api.example/v1", "data:video/mp4;base64,AAAA", False),
    ("https://api.example/v1", "http://[", False),
    ("https://api.example/v1", "https://api.example:port/v1/x", False),
    ("https://api.example/v1", "", False),
)


@pytest.mark.parametrize(("base_url", "url", "protected"), PROTECTED)
def test_a_link_into_the_upstream_s_api_is_protected(base_url: str, url: str, *, protected: bool) -> None:
    """A link is protected exactly if it lies below the base URL at the same origin, however that is written; nothing is an error."""
    assert is_protected(url, upstream(base_url)) == protected


@pytest.mark.parametrize(("base_url", "url", "protected"), PROTECTED)
def test_a_protected_link_reaches_no_caller(base_url: str, url: str, *, protected: bool) -> None:
    """Callers get the upstream's link as it is, or ours where theirs would need the upstream's key."""
    shown = link_for(record(url), upstream(base_url), SIGNER, BASE)
    assert shown == (url if url and not protected else signed_link(record(url), SIGNER, BASE))


@given(st.text())
def test_any_text_in_place_of_a_link_is_survived(url: str) -> None:
    """Whatever an upstream writes where its link should be, a read of the task is not an error."""
    assert isinstance(is_protected(url, upstream()), bool)
    assert isinstance(link_for(record(url), upstream(), SIGNER, BASE), str)


@pytest.mark.parametrize("status", [status for status in TaskStatus if status is not TaskStatus.SUCCEEDED])
def test_there_is_no_link_before_a_success(status: TaskStatus) -> None:
    """Only a task that succeeded has a result to link to."""
    assert link_for(record(status=status), upstream(), SIGNER, BASE) is None


def test_a_task_nobody_has_seen_has_no_link() -> None:
    """Without a snapshot there is neither the upstream's link nor ours."""
    unseen = replace(record(), snapshot=None)
    assert link_for(unseen, upstream(), SIGNER, BASE) is None
    assert public_link(unseen, upstream()) is None


@pytest.mark.parametrize("url", [None, ""])
def test_a_result_without_a_link_gets_ours(url: str | None) -> None:
    """Where the upstream has only a bytes route the caller gets a link to us."""
    assert public_link(record(url), upstream()) is None
    assert link_for(record(url), upstream(), SIGNER, BASE) == signed_link(record(url), SIGNER, BASE)


def test_the_link_of_an_upstream_that_is_gone_is_still_shown() -> None:
    """Old tasks keep their link after their upstream left the configuration."""
    assert public_link(record(), None) == PLAIN


def test_a_signed_link_needs_no_header_and_names_the_task_by_its_public_id() -> None:
    """The link starts at the given base, has the end and the signature in its query, and does not tell the internal key."""
    link = signed_link(record(None), SIGNER, BASE)
    parts = urlsplit(link)
    query = parse_qs(parts.query, strict_parsing=True)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{BASE}/v1/videos/video_1/content"
    assert set(query) == {"exp", "sig"}
    assert int(query["exp"][0]) == MADE + 60 + LIFETIME
    assert "internal-1" not in link
    assert SIGNER.check_link("internal-1", int(query["exp"][0]), query["sig"][0], MADE)


def test_a_signed_link_is_bound_to_its_task_and_its_end() -> None:
    """The signature fits no other task, no later end, no other server, and not after the end."""
    query = parse_qs(urlsplit(signed_link(record(None), SIGNER, BASE)).query)
    expires, signature = int(query["exp"][0]), query["sig"][0]
    assert SIGNER.check_link("internal-1", expires, signature, expires - 1)
    assert not SIGNER.check_link("internal-1", expires, signature, expires)
    assert not SIGNER.check_link("internal-2", expires, signature, MADE)
    assert not SIGNER.check_link("internal-1", expires + 1, signature, MADE)
    assert not Signer(b"another secret").check_link("internal-1", expires, signature, MADE)


def test_a_signed_link_is_the_same_at_every_read() -> None:
    """Two reads, and a restart with the same secret, give the same link."""
    again = Signer(b"a secret of the tests")
    assert signed_link(record(None), SIGNER, BASE) == signed_link(record(None), again, BASE)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_an_odd_id_stays_one_segment_of_the_path(task_id: str) -> None:
    """An id with slashes, question marks or blanks cannot change where the link leads."""
    parts = urlsplit(signed_link(record(None, task_id=task_id), SIGNER, BASE))
    assert parts.path.count("/") == 4
    assert parts.path.endswith("/content")
    assert set(parse_qs(parts.query)) == {"exp", "sig"}
    assert not parts.fragment


def test_an_archive_takes_over_when_the_upstream_s_link_is_dead() -> None:
    """With an archive the upstream's link is shown while it lives, then ours until the archive's end, the same at every read."""
    dead, until = MADE + 60 + LIFETIME, MADE + 90 * LIFETIME
    assert link_for(record(), upstream(), SIGNER, BASE, (dead - 1, until)) == PLAIN
    ours = link_for(record(), upstream(), SIGNER, BASE, (dead, until))
    assert (
        ours == signed_link(record(), SIGNER, BASE, until) == link_for(record(), None, SIGNER, BASE, (dead + 99, until))
    )
    query = parse_qs(urlsplit(ours).query)
    assert SIGNER.check_link("internal-1", until, query["sig"][0], dead)
    assert query["exp"] == [str(until)]


def test_without_an_archive_a_dead_link_stays() -> None:
    """The field stays after the upstream's 24 hours; the content route is what says that the result is gone (contract.md §6)."""
    assert link_for(record(), upstream(), SIGNER, BASE) == PLAIN


def test_an_end_is_the_upstream_s_word_else_ours_else_the_beginning() -> None:
    """A link ends a day after the end that the upstream told, else after the one we noted, else after the create."""
    told = record()
    silent = replace(told, snapshot=Snapshot(status=TaskStatus.SUCCEEDED, status_word="succeeded"), ended_at=MADE + 7.9)
    assert expires_at(told) == MADE + 60 + LIFETIME
    assert expires_at(silent) == MADE + 7 + LIFETIME
    assert expires_at(replace(silent, ended_at=None)) == MADE + LIFETIME
    assert expires_at(replace(told, snapshot=None)) == MADE + LIFETIME
