"""Models at OpenAI."""

import httpx2 as httpx


async def test_list_and_retrieve(strict: httpx.AsyncClient) -> None:
    """Every model of the list can be retrieved, one with a slash in its id too; others are a 404 with their code."""
    listed = (await strict.get("/v1/models")).json()
    assert listed["object"] == "list"
    assert all(set(row) == {"id", "object", "created", "owned_by"} for row in listed["data"])
    assert "acme/tuned-7b" in [row["id"] for row in listed["data"]]
    assert [(await strict.get(f"/v1/models/{row['id']}")).json() for row in listed["data"]] == listed["data"]
    answer = await strict.get("/v1/models/acme/other")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
