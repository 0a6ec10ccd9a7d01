"""Files at Ark."""

from typing import Any

import httpx2 as httpx
import pytest

PATH = "/api/v3/files"
NOW = 1_795_000_000
DAY = 86_400


async def _upload(client: httpx.AsyncClient, name: str = "a.mp4", **fields: str) -> dict[str, Any]:
    data = {"purpose": "user_data", **fields}
    answer = await client.post(PATH, files={"file": (name, b"bytes", "video/mp4")}, data=data)
    assert answer.status_code == 200, answer.text
    value: dict[str, Any] = answer.json()
    return value


async def _advance(client: httpx.AsyncClient, seconds: float) -> None:
    await client.post("/_sim/clock", json={"advance": seconds})


async def test_a_file_is_processed_and_then_active(client: httpx.AsyncClient) -> None:
    """Its object has Ark's fields; two seconds later it can be used."""
    made = await _upload(client, **{"preprocess_configs[video][fps]": "0.5", "preprocess_configs[video][model]": "m"})
    file_id = made["id"]
    assert made == {
        "id": file_id,
        "object": "file",
        "purpose": "user_data",
        "filename": "a.mp4",
        "bytes": 5,
        "mime_type": "video/mp4",
        "created_at": NOW,
        "expire_at": NOW + 7 * DAY,
        "preprocess_configs": {"video": {"fps": 0.5, "model": "m"}},
        "status": "processing",
    }
    part = {"type": "video_url", "video_url": {"file_id": file_id}}
    chat = {"model": "m", "messages": [{"role": "user", "content": [part]}]}
    early = await client.post("/api/v3/chat/completions", json=chat)
    assert (early.status_code, early.json()["error"]["code"]) == (400, "InvalidParameter")
    await _advance(client, 2)
    assert (await client.get(f"{PATH}/{file_id}")).json() == made | {"status": "active"}
    assert (await client.post("/api/v3/chat/completions", json=chat)).status_code == 200


async def test_a_file_that_fails(client: httpx.AsyncClient) -> None:
    """Its name says so, and its object tells the error."""
    made = await _upload(client, "a[[sim:fail=InvalidParameter]].mp4")
    await _advance(client, 2)
    found = (await client.get(f"{PATH}/{made['id']}")).json()
    assert (found["status"], found["error"]["code"]) == ("failed", "InvalidParameter")
    assert set(found["error"]) == {"code", "message", "param", "type"}


async def test_a_file_by_its_address(client: httpx.AsyncClient) -> None:
    """Nothing is fetched; its name is the address's last part."""
    answer = await client.post(PATH, json={"purpose": "agent", "url": "https://a/v/x.mp4?s=1", "tos": {"bucket": "b"}})
    assert (answer.json()["filename"], answer.json()["purpose"]) == ("x.mp4", "agent")
    assert "bytes" not in answer.json()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"purpose": "vision"}, "purpose"),
        ({"expire_at": str(NOW + DAY - 1)}, "expire_at"),
        ({"expire_at": str(NOW + 30 * DAY + 1)}, "expire_at"),
        ({"expire_at": "soon"}, "expire_at"),
        ({"url": "https://a/x"}, "url"),
        ({"preprocess_configs[video][fps]": "fast"}, "preprocess_configs[video][fps]"),
    ],
)
async def test_uploads_that_are_refused(client: httpx.AsyncClient, fields: dict[str, str], param: str) -> None:
    """Purposes are Ark's own, and a file lives one day to thirty."""
    data = {"purpose": "user_data"} | fields
    answer = await client.post(PATH, files={"file": ("a", b"x")}, data=data)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "InvalidParameter", param)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"url": "https://a/x"}, "MissingParameter", "purpose"),
        ({"purpose": "voice"}, "MissingParameter", "file"),
        ({"purpose": "voice", "url": "file:///x"}, "InvalidParameter", "url"),
    ],
)
async def test_addresses_that_are_refused(client: httpx.AsyncClient, body: Any, code: str, param: str) -> None:
    """A purpose and a source are needed."""
    error = (await client.post(PATH, json=body)).json()["error"]
    assert (error["code"], error["param"]) == (code, param)


async def test_a_body_that_is_torn(client: httpx.AsyncClient) -> None:
    """What is no multipart body is a 400."""
    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = await client.post(PATH, content=b"--c", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidParameter")


async def test_lists(client: httpx.AsyncClient) -> None:
    """The newest comes first, page by page, by purpose; the list calls itself a file."""
    made = [(await _upload(client, purpose=purpose))["id"] for purpose in ("user_data", "agent", "user_data")]
    first = (await client.get(PATH, params={"limit": 2})).json()
    rest = (await client.get(PATH, params={"limit": 2, "after": first["last_id"]})).json()
    assert [item["id"] for item in first["data"] + rest["data"]] == made[::-1]
    assert (first["object"], first["has_more"], rest["has_more"]) == ("file", True, False)
    assert (first["first_id"], first["last_id"]) == (made[2], made[1])
    agents = (await client.get(PATH, params={"purpose": "agent", "order": "asc"})).json()
    assert [item["id"] for item in agents["data"]] == [made[1]]
    none = (await client.get(PATH, params={"purpose": "voice"})).json()
    assert (none["data"], none["first_id"], none["last_id"], none["has_more"]) == ([], "", "", False)
    for query in ({"limit": "0"}, {"limit": "x"}, {"after": "file-none"}):
        assert (await client.get(PATH, params=query)).status_code == 400


async def test_delete_and_expiry(client: httpx.AsyncClient) -> None:
    """A deleted file and an expired one are gone; one without an end stays."""
    gone, short = (await _upload(client))["id"], (await _upload(client, expire_at=str(NOW + DAY)))["id"]
    ever = (await _upload(client, expire_at="-1"))["id"]
    deleted = await client.request("DELETE", f"{PATH}/{gone}", json={})
    assert deleted.json() == {"id": gone, "object": "file", "deleted": True}
    await _advance(client, 31 * DAY)
    for file_id in (gone, short):
        for method in ("GET", "DELETE"):
            answer = await client.request(method, f"{PATH}/{file_id}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NotFound.file_id")
    assert [item["id"] for item in (await client.get(PATH)).json()["data"]] == [ever]
