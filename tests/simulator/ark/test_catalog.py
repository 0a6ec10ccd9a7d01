"""The list of models at Ark."""

import httpx2 as httpx

from proxy.simulator.ark import catalog


async def test_rows(client: httpx.AsyncClient) -> None:
    """The captured rows come as they were; a video model tells what it makes; a status is there only when it ends."""
    listed = (await client.get("/api/v3/models")).json()
    assert listed == {"object": "list", "data": catalog.rows()}
    rows = {row["id"]: row for row in listed["data"]}
    assert rows["seed-2-0-lite-260428"]["token_limits"]["context_window"] == 262_144
    assert [row["id"] for row in listed["data"] if "status" in row] == ["kimi-k2-250905"]
    assert rows["doubao-seedance-2-5-260628"]["task_type"] == [
        "TextToVideo",
        "ImageToVideo",
        "MultimodalToVideo",
        "VideoEditing",
    ]
    assert rows["doubao-seedance-1-0-lite-t2v-250428"]["task_type"] == ["TextToVideo"]
