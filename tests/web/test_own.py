"""Our own routes: health without a key, metrics for administrators, a caller's own usage and nobody else's."""

import contextlib
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from tests.gateway.house import FAMILIES, TASKS, Caller, House, error_of

OPEN_ROUTES = ("/healthz", "/readyz")
KEYED = (
    ("GET", "/v1/videos"),
    ("POST", "/v1/videos"),
    ("GET", "/v1/videos/x"),
    ("DELETE", "/v1/videos/x"),
    ("GET", "/v1/videos/x/content"),
    ("HEAD", "/v1/videos/x/content"),
    ("POST", "/v1/videos/x/remix"),
    ("GET", "/v1/usage"),
    ("GET", "/v1/models"),
    ("GET", "/metrics"),
    ("GET", "/api/v3/models"),
    ("POST", "/api/v3/contents/generations/tasks"),
    ("GET", "/api/v3/contents/generations/tasks"),
    ("GET", "/api/v3/contents/generations/tasks/x"),
    ("DELETE", "/api/v3/contents/generations/tasks/x"),
)


def family_of(path: str) -> str:
    """Whose envelope answers here."""
    return "ark" if path.startswith("/api/") else "openai"


@contextlib.contextmanager
def stranger(house: House, key: str | None = None) -> Iterator[httpx.Client]:
    """Somebody with this key, or none."""
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=house.gateway.url, headers=headers, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("path", OPEN_ROUTES)
def test_health_needs_no_key(house: House, path: str) -> None:
    """Health and readiness answer anybody, by GET and HEAD, and tell nothing but their state."""
    with stranger(house) as client:
        assert client.get(path).status_code == client.head(path).status_code == 200
        assert len(client.get(path).text) < 60
        assert client.post(path).status_code == 405


@pytest.mark.parametrize(("method", "path"), KEYED)
@pytest.mark.parametrize(
    "key", [None, "two words", "sk-ab-" + "0" * 43, "nonsense", "sk-ab-\u732b", "sk-ab-admin-" + "0" * 43]
)
def test_everything_else_needs_a_key(house: House, method: str, path: str, key: str | None) -> None:
    """Without a key, or with a wrong one, every route is a 401 in its family's envelope that repeats nothing of the key."""
    with stranger(house) as client:
        headers = {} if key is None else {b"authorization": f"Bearer {key}".encode()}
        answer = client.request(method, path, headers=headers)
    assert answer.status_code == 401
    if method != "HEAD":
        family = family_of(path)
        assert error_of(answer, family)["code"] == {"openai": "invalid_api_key", "ark": "AuthenticationError"}[family]
        assert not key or key not in answer.text


def test_an_admin_key_calls_no_models(house: House, alice: Caller) -> None:
    """An admin key reads metrics and is refused everywhere else; a caller's key is refused metrics."""
    admin = house.key("root", admin=True)
    with stranger(house, admin) as client:
        assert client.get("/metrics").status_code == 200
        for method, path in KEYED:
            if path != "/metrics":
                answer = client.request(method, path)
                assert answer.status_code == 403, path
                if method != "HEAD":
                    error_of(answer, family_of(path))
    answer = alice.call("GET", "/metrics")
    assert (answer.status_code, error_of(answer, "openai")["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize("family", FAMILIES)
def test_suspended_expired_and_revoked(house: House, family: str) -> None:
    """A suspended caller is a 403; an expired or revoked key a 401; each says which it is."""
    accounts = house.gateway.runtime.accounts
    ring = house.gateway.runtime._ring
    for status, word in ((403, "suspended"), (401, "expired"), (401, "revoked")):
        name = f"{word}-{family}"
        expires = house.clock() + 30 if word == "expired" else None
        _, key = house.gateway.do(accounts.create_key(name, expires_at=expires))
        with stranger(house, key) as client:
            assert client.get(TASKS[family]).status_code == 200
            if word == "suspended":
                house.gateway.do(accounts.suspend(name))
            elif word == "revoked":
                house.gateway.do(accounts.revoke(name))
            else:
                house.advance(31)
            house.gateway.do(ring.refresh_if_changed())
            answer = client.get(TASKS[family])
        assert answer.status_code == status
        assert word in error_of(answer, family)["message"]


def test_metrics_count_calls_and_settlements(house: House, alice: Caller) -> None:
    """Calls are counted by operation, dialect, upstream and status, settled tasks by their end."""
    task_id = house.finished("ark")
    alice.call("GET", f"/v1/videos/{task_id}x")
    with stranger(house, house.key("metrics", admin=True)) as client:
        text = client.get("/metrics").text
    assert 'arkbridge_calls_total{dialect="openai",operation="videos.create",status="200",upstream="ark"}' in text
    assert 'arkbridge_calls_total{dialect="openai",operation="videos.retrieve",status="404",upstream=""}' in text
    assert 'arkbridge_settlements_total{status="succeeded"}' in text
    assert "arkbridge_spooled_rows 0.0" in text
    assert alice.name not in text


# -- usage


def test_usage_is_the_callers_own(house: House) -> None:
    """Totals and rows agree with the ledger, by whatever they are grouped, and hold nobody else's."""
    ivan, judy = house.caller("ivan"), house.caller("judy")
    assert ivan.call("GET", "/v1/usage").json() == {"object": "usage", "totals": [], "data": []}
    done = [house.finished("ark", "ivan"), house.finished("newapi", "ivan")]
    failed = ivan.create("ark", "ark")
    house.end("ark", failed, "failed")
    ivan.get(failed)
    house.finished("ark", "judy")
    rows = [row for task in (*done, failed) for row in house.ledger(task)]
    tokens = sum(row.total_tokens or 0 for row in rows)
    (total,) = ivan.call("GET", "/v1/usage").json()["totals"]
    assert (total["calls"], total["errors"], total["total_tokens"]) == (3, 1, tokens)
    assert tokens > 0
    assert "cost" not in total
    for by, names in (("upstream", {"ark", "newapi"}), ("model", {"fast", "newapi-video"}), ("family", {"videos"})):
        data = ivan.call("GET", "/v1/usage", params={"by": by}).json()["data"]
        assert {row[by] for row in data} == names
        assert sum(row["total_tokens"] for row in data) == tokens
        assert sum(row["calls"] for row in data) == 3
    (row,) = ivan.call("GET", "/v1/usage", params={"by": "key,day"}).json()["data"]
    assert row["key"] == ivan.key[:12]
    assert judy.call("GET", "/v1/usage").json()["totals"][0]["calls"] == 1


def test_usage_in_time(house: House) -> None:
    """`since` and `until` take unix seconds and ISO dates, and cut at that instant."""
    kim = house.caller("kim")
    first = house.finished("ark", "kim")
    between = house.clock()
    house.advance(60)
    house.finished("ark", "kim")

    def calls(**query: str) -> int:
        totals = kim.call("GET", "/v1/usage", params=query).json()["totals"]
        return sum(total["calls"] for total in totals)

    assert house.ledger(first)[0].time < between
    assert (calls(since=str(between)), calls(until=str(between)), calls()) == (1, 1, 2)
    assert (calls(since="2020-01-01"), calls(since="2020-01-01T00:00:00+08:00", until="2099-01-01")) == (2, 2)
    assert calls(since="2099-01-01") == 0


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"by": "caller"}, "by"),
        ({"by": "price"}, "by"),
        ({"since": "yesterday"}, "since"),
        ({"since": "\u00b2"}, "since"),
        ({"until": "2026-13-01"}, "until"),
        ({"until": "-"}, "until"),
    ],
)
def test_wrong_usage_queries(alice: Caller, query: dict[str, str], param: str) -> None:
    """What cannot be read is a 400 by name."""
    answer = alice.call("GET", "/v1/usage", params=query)
    assert (answer.status_code, error_of(answer, "openai")["param"]) == (400, param)


@pytest.mark.parametrize(
    "moment", ["9" * 400, "9" * 5000, "0001-01-01", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "1e5"]
)
@pytest.mark.parametrize("name", ["since", "until"])
def test_usage_at_the_ends_of_time(alice: Caller, name: str, moment: str) -> None:
    """Moments beyond every calendar are read or refused, and nothing worse."""
    for by in ("", "day"):
        answer = alice.call("GET", "/v1/usage", params={name: moment, "by": by})
        assert answer.status_code in (200, 400), answer.text
