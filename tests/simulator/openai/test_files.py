"""Files at OpenAI."""

from typing import Any

import httpx2 as httpx
import pytest

from proxy.simulator import uploads

PATH = "/v1/files"
NOW = 1_795_000_000


async def _upload(client: httpx.AsyncClient, data: bytes = b"bytes", /, **fields: str) -> dict[str, Any]:
    answer = await client.post(PATH, files={"file": ("a.txt", data)}, data={"purpose": "user_data", **fields})
    assert answer.status_code == 200, answer.text
    value: dict[str, Any] = answer.json()
    return value


async def test_a_file_is_uploaded_and_then_processed(strict: httpx.AsyncClient) -> None:
    """Its object has OpenAI's fields, and its content comes back as it was."""
    made = await _upload(strict)
    file_id = made["id"]
    assert made == {
        "id": file_id,
        "object": "file",
        "bytes": 5,
        "created_at": NOW,
        "expires_at": None,
        "filename": "a.txt",
        "purpose": "user_data",
        "status": "uploaded",
        "status_details": None,
    }
    await strict.post("/_sim/clock", json={"advance": 2})
    assert (await strict.get(f"{PATH}/{file_id}")).json() == made | {"status": "processed"}
    content = await strict.get(f"{PATH}/{file_id}/content")
    assert (content.content, content.headers["content-type"]) == (b"bytes", "application/octet-stream")


async def test_a_file_that_fails(strict: httpx.AsyncClient) -> None:
    """Its first words say so."""
    made = await _upload(strict, b"[[sim:fail]] and more")
    await strict.post("/_sim/clock", json={"advance": 2})
    assert (await strict.get(f"{PATH}/{made['id']}")).json()["status"] == "error"


async def test_a_large_file_has_no_content(strict: httpx.AsyncClient) -> None:
    """It is counted to its end and not held."""
    made = await _upload(strict, bytes(uploads.MOST_KEPT + 1))
    assert made["bytes"] == uploads.MOST_KEPT + 1
    assert (await strict.get(f"{PATH}/{made['id']}/content")).status_code == 404


async def test_lists(strict: httpx.AsyncClient) -> None:
    """The newest comes first, page by page, by purpose; an empty page has no ends."""
    made = [(await _upload(strict, purpose=purpose))["id"] for purpose in ("user_data", "vision", "user_data")]
    first = (await strict.get(PATH, params={"limit": 2})).json()
    rest = (await strict.get(PATH, params={"limit": 2, "after": first["last_id"]})).json()
    assert [item["id"] for item in first["data"] + rest["data"]] == made[::-1]
    assert (first["object"], first["has_more"], rest["has_more"]) == ("list", True, False)
    seen = (await strict.get(PATH, params={"purpose": "vision", "order": "asc"})).json()
    assert [item["id"] for item in seen["data"]] == [made[1]]
    none = (await strict.get(PATH, params={"purpose": "batch"})).json()
    assert (none["data"], none["first_id"], none["last_id"]) == ([], None, None)
    for query in ({"limit": "0"}, {"after": "file-none"}):
        assert (await strict.get(PATH, params=query)).status_code == 400


async def test_delete_and_expiry(strict: httpx.AsyncClient) -> None:
    """A deleted file and an expired one are a 404 on every route."""
    gone = (await _upload(strict))["id"]
    short = await _upload(strict, **{"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"})
    assert short["expires_at"] == NOW + 3600
    assert (await strict.delete(f"{PATH}/{gone}")).json() == {"id": gone, "object": "file", "deleted": True}
    await strict.post("/_sim/clock", json={"advance": 3600})
    for file_id in (gone, short["id"]):
        for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
            answer = await strict.request(method, f"{PATH}/{file_id}{path}")
            assert (answer.status_code, answer.json()["error"]["param"]) == (404, "id")
    assert (await strict.get(PATH)).json()["data"] == []


@pytest.mark.parametrize(
    ("files", "data", "param"),
    [
        ({"file": ("a", b"x")}, {"purpose": "agent"}, "purpose"),
        ({"file": ("a", b"x")}, {}, "purpose"),
        ({"other": ("a", b"x")}, {"purpose": "user_data"}, "file"),
        ({"file": ("a", b"x")}, {"purpose": "user_data", "expire_at": "1"}, "expire_at"),
        ({"file": ("a", b"x")}, {"purpose": "user_data", "expires_after[seconds]": "60"}, "expires_after"),
    ],
)
async def test_what_is_refused(strict: httpx.AsyncClient, files: Any, data: dict[str, str], param: str) -> None:
    """Purposes and fields are OpenAI's own."""
    answer = await strict.post(PATH, files=files, data=data)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_a_body_that_is_torn(strict: httpx.AsyncClient) -> None:
    """What is no multipart body is a 400."""
    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert (await strict.post(PATH, content=b"--c", headers=headers)).status_code == 400
