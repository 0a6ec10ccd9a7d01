"""The query of LIST."""

import httpx2 as httpx
import pytest

TASKS = "/api/v3/contents/generations/tasks"
S20, S15 = "doubao-seedance-2-0-260128", "doubao-seedance-1-5-pro-251215"


async def _create(client: httpx.AsyncClient, model: str = S20, **fields: object) -> str:
    body = {"model": model, "content": [{"type": "text", "text": "a cat"}]} | fields
    await client.post("/_sim/clock", json={"advance": 1})
    return str((await client.post(TASKS, json=body)).json()["id"])


async def _ids(client: httpx.AsyncClient, query: str = "") -> list[str]:
    listed = (await client.get(f"{TASKS}?{query}")).json()
    return [item["id"] for item in listed["items"]]


async def test_pages_newest_first(client: httpx.AsyncClient) -> None:
    """The newest comes first, a page is a slice of the whole, `total` counts all that was selected."""
    ids = [await _create(client) for _ in range(25)][::-1]
    assert await _ids(client) == ids[:20]
    assert await _ids(client, "page_num=2") == ids[20:]
    assert await _ids(client, "page_num=3&page_size=7") == ids[14:21]
    assert await _ids(client, "page_num=9") == []
    assert (await client.get(f"{TASKS}?page_size=1")).json()["total"] == 25


async def test_filters(client: httpx.AsyncClient) -> None:
    """Status, repeated ids, the model as it was sent, and the tier, which hides flex unless asked for."""
    first = await _create(client)
    await client.post("/_sim/clock", json={"advance": 3600})
    by_endpoint, flex = await _create(client, "ep-1"), await _create(client, S15, service_tier="flex")
    assert await _ids(client) == [by_endpoint, first]
    assert await _ids(client, "filter.service_tier=flex") == [flex]
    assert await _ids(client, "filter.status=succeeded") == [first]
    assert await _ids(client, "filter.status=expired") == []
    assert await _ids(client, f"filter.model={S20}") == [first]
    assert await _ids(client, "filter.model=ep-1") == [by_endpoint]
    assert await _ids(client, f"filter.task_ids={first}&filter.task_ids={by_endpoint}") == [by_endpoint, first]
    assert await _ids(client, f"filter.task_ids={first}&filter.status=queued") == []
    assert await _ids(client, "filter.unknown=1") == [by_endpoint, first]


async def test_an_item_is_what_get_says(client: httpx.AsyncClient) -> None:
    """LIST and GET show the same object."""
    task_id = await _create(client)
    await client.post("/_sim/clock", json={"advance": 3600})
    listed = (await client.get(TASKS)).json()
    assert listed == {"items": [(await client.get(f"{TASKS}/{task_id}")).json()], "total": 1}


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("page_num=0", "page_num"),
        ("page_num=501", "page_num"),
        ("page_size=0", "page_size"),
        ("page_size=x", "page_size"),
        ("filter.status=completed", "filter.status"),
        ("filter.service_tier=fast", "filter.service_tier"),
    ],
)
async def test_bad_queries(client: httpx.AsyncClient, query: str, param: str) -> None:
    """Numbers out of range and unknown words are a 400 that names the parameter."""
    answer = await client.get(f"{TASKS}?{query}")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
