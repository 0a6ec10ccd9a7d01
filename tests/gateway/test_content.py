"""A result's bytes: the same as the upstream's, whole or in part, by key or by link; and no credential where it does not belong."""

import json
from typing import Any

import httpx2 as httpx
import pytest

from tests.gateway.house import BYTES_ONLY, UPSTREAM_KEY, UPSTREAMS, Caller, House, error_of
from tests.support import wire

every_upstream = pytest.mark.parametrize("upstream", UPSTREAMS)
LINKED = tuple(name for name in UPSTREAMS if name not in BYTES_ONLY)
FOREVER = "9" * 5000


@pytest.fixture(scope="module")
def done(house: House) -> dict[str, str]:
    """A finished task of every upstream."""
    return {upstream: house.finished(upstream) for upstream in UPSTREAMS}


def truth(house: House, upstream: str, task_id: str) -> bytes:
    """The video as the upstream itself gives it."""
    if upstream in BYTES_ONLY:
        url = f"{house.sims[upstream].base_url}/videos/{task_id}/content"
        answer = httpx.get(url, headers={"authorization": f"Bearer {UPSTREAM_KEY}"}, trust_env=False)
    else:
        answer = httpx.get(link(house, task_id), trust_env=False)
    assert answer.status_code == 200
    return answer.content


def link(house: House, task_id: str) -> str:
    """The link that callers get."""
    url = house.caller("alice").get(task_id)["metadata"]["url"]
    assert isinstance(url, str)
    return url


def content(caller: Caller, task_id: str, method: str = "GET", **headers: str) -> httpx.Response:
    """The content route, by key."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return caller.call(method, f"/v1/videos/{task_id}/content", headers=named)


# -- whole and in part


@every_upstream
def test_the_whole(house: House, alice: Caller, done: dict[str, str], upstream: str) -> None:
    """The bytes, their length and type are the upstream's, under a file name that is the task's id."""
    answer = content(alice, done[upstream])
    assert answer.status_code == 200
    assert answer.content == truth(house, upstream, done[upstream])
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["content-disposition"] == f'attachment; filename="{done[upstream]}.mp4"'
    assert answer.headers["etag"]
    assert answer.headers["x-request-id"]


@every_upstream
def test_ranges(house: House, alice: Caller, done: dict[str, str], upstream: str) -> None:
    """A range is a 206 with its place in the whole; one outside is a 416 that states the size."""
    whole = truth(house, upstream, done[upstream])
    for asked, first, last in (("10-29", 10, 29), ("-5", len(whole) - 5, len(whole) - 1), ("0-0", 0, 0)):
        answer = content(alice, done[upstream], range=f"bytes={asked}")
        assert (answer.status_code, answer.content) == (206, whole[first : last + 1])
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(whole)}"
        assert answer.headers["content-length"] == str(last - first + 1)
    answer = content(alice, done[upstream], range=f"bytes={len(whole)}-")
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(whole)}")
    assert error_of(answer, "openai")["param"] == "range"


@every_upstream
def test_if_range(alice: Caller, done: dict[str, str], upstream: str) -> None:
    """A range of the version that the caller has is a part, of another version it is the whole."""
    etag = content(alice, done[upstream], "HEAD").headers["etag"]
    assert content(alice, done[upstream], range="bytes=1-3", if_range=etag).status_code == 206
    assert content(alice, done[upstream], range="bytes=1-3", if_range='"another"').status_code == 200


@every_upstream
def test_head(house: House, alice: Caller, done: dict[str, str], upstream: str) -> None:
    """HEAD tells the whole's length, type and version without a byte of it, though links are signed for GET alone."""
    for headers in ({}, {"range": "bytes=3-4"}):
        answer = content(alice, done[upstream], "HEAD", **headers)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-length"] == str(len(truth(house, upstream, done[upstream])))
        assert answer.headers["content-type"] == "video/mp4"
        assert answer.headers["etag"]
        assert "content-range" not in answer.headers


# -- not there


@every_upstream
def test_too_early_and_too_bad(house: House, alice: Caller, upstream: str) -> None:
    """Before the end it is a 404, after a failure a 400 that says why."""
    task_id = alice.create(upstream)
    answer = content(alice, task_id)
    assert (answer.status_code, error_of(answer, "openai")["code"]) == (404, "video_not_ready")
    house.end(upstream, task_id, "failed", error={"code": "TooOdd", "message": "the prompt was too odd"})
    answer = content(alice, task_id)
    error = error_of(answer, "openai")
    assert (answer.status_code, error["code"]) == (400, "video_failed")
    assert "too odd" in error["message"]


@pytest.mark.parametrize("variant", ["thumbnail", "spritesheet", "x", ""])
def test_variants(alice: Caller, done: dict[str, str], variant: str) -> None:
    """There is the video and nothing else."""
    answer = alice.call("GET", f"/v1/videos/{done['ark']}/content", params={"variant": variant})
    assert (answer.status_code, error_of(answer, "openai")["param"]) == (400, "variant")
    assert alice.call("GET", f"/v1/videos/{done['ark']}/content?variant=video").status_code == 200


# -- credentials


@every_upstream
def test_keys_go_where_they_belong(house: House, alice: Caller, upstream: str) -> None:
    """A result link gets no key at all, the upstream's own route gets the upstream's key, and nobody gets the caller's."""
    task_id = house.finished(upstream)
    sim = house.sims[upstream]
    sim.control("DELETE", "requests")
    assert content(alice, task_id, range="bytes=0-9", cookie="c=1", x_custom="mine").status_code == 206
    fetched = [one for one in sim.requests("GET") if wire.header(one, "range") == "bytes=0-9"]
    (one,) = fetched
    wanted = f"Bearer {UPSTREAM_KEY}" if upstream in BYTES_ONLY else None
    assert wire.header(one, "authorization") == wanted
    assert one["path"].endswith("/content") == (upstream in BYTES_ONLY)
    names = {name.lower() for name, _ in one["headers"]}
    assert names.isdisjoint({"cookie", "x-custom", "x-api-key"})
    assert alice.key not in str(sim.requests())


@every_upstream
def test_redirect(house: House, alice: Caller, done: dict[str, str], upstream: str) -> None:
    """Who asks for a redirect gets the upstream's own link, which works without a key; where there is none, the bytes."""
    answer = content(alice, done[upstream], x_arkbridge_content="redirect")
    if upstream in BYTES_ONLY:
        assert answer.status_code == 200
        return
    assert (answer.status_code, answer.headers["location"]) == (302, link(house, done[upstream]))
    assert answer.content == b""
    got = httpx.get(answer.headers["location"], trust_env=False)
    assert got.content == truth(house, upstream, done[upstream])


# -- signed links


def bare(url: str, method: str = "GET", **headers: str) -> httpx.Response:
    """What somebody without anything gets."""
    return httpx.request(method, url, headers=headers, trust_env=False)


@pytest.mark.parametrize("upstream", BYTES_ONLY)
def test_signed_links(house: House, alice: Caller, bob: Caller, done: dict[str, str], upstream: str) -> None:
    """Our link needs no header and does not mind one: it works without a key, and with whatever key, ranges and HEAD included."""
    url, whole = link(house, done[upstream]), truth(house, upstream, done[upstream])
    assert url.startswith(house.gateway.url + "/v1/videos/")
    assert bare(url).content == whole
    assert bare(url, range="bytes=2-4").content == whole[2:5]
    assert bare(url, "HEAD").headers["content-length"] == str(len(whole))
    for key in (alice.key, bob.key, "sk-ab-" + "0" * 43, "other"):
        answer = bare(url, authorization=f"Bearer {key}")
        assert (answer.status_code, answer.content) == (200, whole), key[:12]
    assert alice.get(done[upstream], "ark")["content"]["video_url"] == url


def test_a_link_is_good_for_nothing_else(house: House, done: dict[str, str]) -> None:
    """A link opens its task's content and no other route, method or task."""
    url = link(house, done["strict"])
    query = url.partition("?")[2]
    base = house.gateway.url + "/v1/videos"
    other = house.finished("strict")
    for method, path in (
        ("GET", f"/{other}/content"),
        ("GET", f"/{done['ark']}/content"),
        ("GET", "/video_unknown/content"),
        ("HEAD", f"/{other}/content"),
    ):
        answer = bare(f"{base}{path}?{query}", method)
        assert answer.status_code == 404
    for method, path in (("GET", f"/{done['strict']}"), ("DELETE", f"/{done['strict']}"), ("GET", "")):
        assert bare(f"{base}{path}?{query}", method).status_code == 401
    assert bare(f"{base}/{done['strict']}/content").status_code == 401


@pytest.mark.parametrize("change", ["exp", "sig", "no exp", "no sig", "empty", "later", "huge", "negative", "unicode"])
def test_tampered_links(house: House, alice: Caller, done: dict[str, str], change: str) -> None:
    """Whatever is changed in a link, it opens nothing: a 404 without a key; with the owner's key it needs no signature."""
    url = httpx.URL(link(house, done["strict"]))
    exp, sig = int(url.params["exp"]), url.params["sig"]
    params: dict[str, str] = {
        "exp": {"exp": str(exp - 1), "sig": sig},
        "sig": {"exp": str(exp), "sig": ("A" if sig[0] != "A" else "B") + sig[1:]},
        "no exp": {"sig": sig},
        "no sig": {"exp": str(exp)},
        "empty": {"exp": "", "sig": ""},
        "later": {"exp": str(exp + 1), "sig": sig},
        "huge": {"exp": FOREVER, "sig": sig},
        "negative": {"exp": str(-exp), "sig": sig},
        "unicode": {"exp": "²", "sig": "签名\udcff".encode("utf-8", "replace").decode()},
    }[change]
    plain = str(url.copy_with(query=None))
    answer = httpx.get(plain, params=params, trust_env=False)
    assert answer.status_code == (401 if change == "no sig" else 404), answer.text
    error_of(answer, "openai")
    owners = httpx.get(plain, params=params, headers={"authorization": f"Bearer {alice.key}"}, trust_env=False)
    assert owners.status_code == 200


def test_a_link_survives_a_restart_and_then_ends(house: House, alice: Caller) -> None:
    """The same link works after a restart, and at the end of its day it is a 410 that says so."""
    task_id = house.finished("vllm-omni")
    url = httpx.URL(link(house, task_id))
    house.restart()
    moved = url.copy_with(port=httpx.URL(house.gateway.url).port)
    assert link(house, task_id) == str(moved)
    assert bare(str(moved)).status_code == 200
    house.advance(86400)
    answer = bare(str(moved))
    assert (answer.status_code, error_of(answer, "openai")["code"]) == (410, "video_expired")
    tampered = str(moved).replace("exp=", "exp=1")
    assert bare(tampered).status_code == 404
    assert content(alice, task_id).status_code == 200


# -- links that died


@every_upstream
def test_after_the_upstreams_day(house: House, alice: Caller, upstream: str) -> None:
    """When the upstream no longer keeps the result, content is a 410 whatever the mode, and the task still shows its link."""
    task_id = house.finished(upstream)
    shown = alice.get(task_id)
    house.advance(25 * 3600)
    for headers in ({}, {"range": "bytes=0-1"}, {"x_arkbridge_content": "redirect"}):
        answer = content(alice, task_id, **headers)
        if upstream in ("vllm-omni", "sglang"):  # they keep what they have
            assert answer.status_code in (200, 206)
            continue
        assert (answer.status_code, error_of(answer, "openai")["code"]) == (410, "video_expired")
    assert content(alice, task_id, "HEAD").status_code == (200 if upstream in ("vllm-omni", "sglang") else 410)
    assert alice.get(task_id)["metadata"]["url"] == shown["metadata"]["url"]


def test_a_fresh_link_is_asked_for_once(house: House, alice: Caller) -> None:
    """A link that died early is asked for again: the upstream's new one is used, and the task is read once for it."""
    task_id, other = house.finished("ark"), house.finished("ark")
    sim = house.sims["ark"]
    new = link(house, other)
    sim.fault(f"GET .*{task_id}.mp4", "answer", status=403)
    told: dict[str, Any] = {"id": task_id, "status": "succeeded", "content": {"video_url": new}}
    sim.fault(f"GET .*/tasks/{task_id}", "answer", status=200, body=json.dumps(told))
    sim.control("DELETE", "requests")
    answer = content(alice, task_id)
    assert (answer.status_code, answer.content) == (200, truth(house, "ark", other))
    assert len([one for one in sim.requests("GET") if one["path"].endswith(f"/tasks/{task_id}")]) == 1
