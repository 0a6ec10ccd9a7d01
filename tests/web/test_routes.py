"""Paths and methods: what is not there says so in its family's envelope, and says where to go."""

import re

import httpx2 as httpx
import pytest

from proxy.web.routes import NOT_BUILT, PREFIX
from tests.gateway.house import TASKS, Caller, House, error_of

LATER = [PREFIX[dialect] + re.sub(r"\{[^}]*\}", "x", path) for dialect, paths in NOT_BUILT.items() for path in paths]
UNKNOWN = (
    "/",
    "/v1",
    "/v1/",
    "/v2/videos",
    "/v1/video",
    "/v1/videos/",
    "/v1/videos/x/",
    "/v1/v1/videos",
    "/v1/chat/completions/v1/videos",
    "/v1/api/v3/contents/generations/tasks",
    "/api/v3",
    "/api/v3/v1/videos",
    "/api/v3/api/v3/contents/generations/tasks",
    "/api/v3/contents/generations/tasks/",
    "/api/v3/contents/generations",
    "/favicon.ico",
    "/v1/videos/..%2f..%2fetc",
    "/%00",
    "/" + "x" * 3000,
)


def family_of(path: str) -> str:
    """Whose envelope answers here."""
    return "ark" if path.startswith("/api/") else "openai"


@pytest.mark.parametrize("path", UNKNOWN)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_names_the_base_urls(house: House, method: str, path: str) -> None:
    """People paste doubled paths: the 404 names both base URLs as they are here, and needs no key."""
    answer = httpx.request(method, house.gateway.url + path, trust_env=False)
    family = family_of(path)
    error = error_of(answer, family)
    assert (answer.status_code, error["code"]) == (404, {"openai": "unknown_path", "ark": "InvalidAction"}[family])
    for base in ("/v1", "/api/v3"):
        assert f"{house.gateway.url}{base}" in error["message"]
    assert len(error["message"]) < 600
    assert house.gateway.line(answer.headers["x-request-id"])["error"] == "unknown_path"


@pytest.mark.parametrize("path", LATER)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_not_built_says_so(alice: Caller, method: str, path: str) -> None:
    """A route of a later version is a 404 of its own code; those that are built are in no list of what is not."""
    answer = alice.call(method, path)
    error = error_of(answer, family_of(path))
    code = {"openai": "not_served", "ark": "InvalidAction"}[family_of(path)]
    assert (answer.status_code, error["code"]) == (404, code), answer.text
    assert "not served" in error["message"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/videos", {"GET", "POST"}),
        ("/v1/videos/x", {"GET", "DELETE"}),
        ("/v1/videos/x/content", {"GET", "HEAD"}),
        (TASKS["ark"], {"GET", "POST"}),
        (TASKS["ark"] + "/x", {"GET", "DELETE"}),
        ("/v1/files", {"GET", "POST"}),
        ("/api/v3/files/x", {"GET", "DELETE"}),
        ("/v1/files/x/content", {"GET"}),
        ("/healthz", {"GET", "HEAD"}),
        ("/v1/usage", {"GET", "HEAD"}),
    ],
)
def test_another_method(house: House, alice: Caller, path: str, allowed: set[str]) -> None:
    """A method that a path does not have is a 405 that names those that it has."""
    for method in {"GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"} - allowed:
        answer = alice.call(method, path)
        assert answer.status_code == 405, method
        assert set(answer.headers["allow"].split(", ")) == allowed
        assert error_of(answer, family_of(path))["code"] in ("method_not_allowed", "InvalidAction")
        assert house.gateway.line(answer.headers["x-request-id"])["status"] == 405


@pytest.mark.parametrize("path", ["/v1/videos", TASKS["ark"], "/v1/nowhere", "/v1/videos/x"])
def test_head_of_what_has_none(alice: Caller, path: str) -> None:
    """HEAD gets a status and a request id, never a body."""
    answer = alice.call("HEAD", path)
    assert answer.status_code in (404, 405)
    assert answer.content == b""
    assert answer.headers["x-request-id"]
    assert alice.call("GET", "/healthz").status_code == 200


def test_public_url(house: House) -> None:
    """Where a public address is configured, directions name it and not the Host that was asked."""
    house.write('public_url = "https://gw.example.com"\nallowed_hosts = ["gw.example.com"]')
    try:
        house.gateway.do(house.gateway.runtime.reload(house.gateway.config()))
        answer = httpx.get(f"{house.gateway.url}/v2", trust_env=False)
        assert "https://gw.example.com/v1" in error_of(answer, "openai")["message"]
        by_name = httpx.get(f"{house.gateway.url}/healthz", headers={"host": "gw.example.com"}, trust_env=False)
        assert by_name.status_code == 200
        other = httpx.get(f"{house.gateway.url}/healthz", headers={"host": "evil.example"}, trust_env=False)
        assert (other.status_code, error_of(other, "openai")["code"]) == (421, "host_not_allowed")
    finally:
        house.write()
        house.gateway.do(house.gateway.runtime.reload(house.gateway.config()))
