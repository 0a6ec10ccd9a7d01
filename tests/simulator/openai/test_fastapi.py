"""Refusals in FastAPI's forms."""

import orjson
import pytest
from pydantic import BaseModel

from proxy.simulator.openai import fastapi
from proxy.simulator.openai.body import Form
from proxy.simulator.openai.work import Refusal


class _Fields(BaseModel):
    prompt: str
    count: int | None = None


def test_good_values_become_fields() -> None:
    """Texts are converted, an empty one is absent, an unknown one ignored."""
    found = fastapi.checked(_Fields, {"prompt": "x", "count": "4", "other": "y"}, "body")
    assert (found.prompt, found.count) == ("x", 4)
    assert fastapi.checked(_Fields, {"prompt": "x", "count": ""}, "body").count is None


def test_wrong_values_are_listed_one_by_one() -> None:
    """Each entry says where, what and which input; a missing field has none."""
    with pytest.raises(Refusal) as refused:
        fastapi.checked(_Fields, {"count": "many"}, "body")
    assert refused.value.response.status_code == 422
    detail = orjson.loads(refused.value.response.body)["detail"]
    assert [(entry["type"], entry["loc"], entry["input"]) for entry in detail] == [
        ("missing", ["body", "prompt"], None),
        ("int_parsing", ["body", "count"], "many"),
    ]
    assert all(entry["msg"] for entry in detail)


def test_a_text_is_no_file() -> None:
    """A text part of a file's name is refused with its text shown."""
    with pytest.raises(Refusal) as refused:
        fastapi.only_files(Form([("video", "https://a")], []), "image", "video")
    detail = orjson.loads(refused.value.response.body)["detail"]
    assert (detail[0]["loc"], detail[0]["input"]) == (["body", "video"], "https://a")


@pytest.mark.parametrize(
    ("kind", "status"), [("429", 429), ("500-before", 500), ("500-after", 500), ("empty-404", 404)]
)
def test_failures_on_demand(kind: str, status: int) -> None:
    """Each kind has its status, and a detail where it has a body."""
    response = fastapi.fault(kind)
    assert response.status_code == status
    assert not response.body or "detail" in orjson.loads(response.body)
