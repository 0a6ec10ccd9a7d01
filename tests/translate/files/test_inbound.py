"""How callers read files: single ones, lists, and queries of lists."""

from collections.abc import Mapping

import orjson
import pytest

from proxy.errors import Refusal
from proxy.model import Dialect
from proxy.translate.calls import CallAnswer, ObjectRef
from proxy.translate.files import FileQuery, ark, openai
from proxy.translate.files.inbound import DeletedInbound
from proxy.translate.files.outbound import DeletedOutbound
from tests.support.calling import ARK, OPENAI, answer, back, received, sent

INBOUND = {"openai": openai.INBOUND, "ark": ark.INBOUND}
OUTBOUND = {"openai": openai.OUTBOUND, "ark": ark.OUTBOUND}
RAW = {
    "openai": b'{ "id":"file-1", "object":"file", "status":"processed", "purpose":"vision", "bytes":1.0 }',
    "ark": b'{ "id":"file-1", "object":"file", "status":"active", "expire_at":9, "new":{"x":1.0} }',
}
both = pytest.mark.parametrize("family", INBOUND)


@both
@pytest.mark.parametrize("upstream", OUTBOUND)
def test_one_file(family: str, upstream: str) -> None:
    """Callers of the upstream's dialect get its bytes, the others the same file in their own words."""
    request, _ = sent(INBOUND[family], OUTBOUND[upstream], received(path={"id": "file-1"}))
    assert request.objects == (ObjectRef("file", "file-1", "file_id"),)
    assert request.model == ""
    read, shown = back(INBOUND[family], OUTBOUND[upstream], request, answer(RAW[upstream]))
    assert (read.id, read.facts) == ("file-1", RAW[upstream])
    if family == upstream:
        assert shown == RAW[upstream]
    else:
        wanted: Mapping[str, Mapping[str, object]] = {
            "openai": {"status": "processed", "expires_at": 9, "expire_at": 9, "new": {"x": 1.0}},
            "ark": {"status": "active", "expire_at": -1, "purpose": "vision"},
        }
        assert wanted[family].items() <= orjson.loads(shown).items()


@both
def test_pages(family: str) -> None:
    """A page names its ends; its files come from either dialect."""
    request, _ = sent(INBOUND[family], openai.OUTBOUND, received(path={"id": "file-1"}))
    files = [OUTBOUND[upstream].decode(answer(RAW[upstream]), request) for upstream in ("ark", "openai")]
    page = orjson.loads(INBOUND[family].page(files, more=True))
    assert list(page) == ["object", "data", "has_more", "first_id", "last_id"]
    assert (page["first_id"], page["last_id"], page["has_more"]) == ("file-1", "file-1", True)
    assert [shown["status"] for shown in page["data"]] == [{"openai": "processed", "ark": "active"}[family]] * 2


def test_empty_pages() -> None:
    """A list without files is one in each family's manner."""
    assert orjson.loads(openai.INBOUND.page([], more=False)) == {
        "object": "list", "data": [], "has_more": False, "first_id": None, "last_id": None,
    }  # fmt: skip
    assert orjson.loads(ark.INBOUND.page([], more=False)) == {
        "object": "file", "data": [], "has_more": False, "first_id": "", "last_id": "",
    }  # fmt: skip


def test_queries() -> None:
    """Each family has its own usual length of a list; what is empty asks for nothing."""
    plain = FileQuery(after=None, limit=10_000, ascending=False, purpose=None)
    assert openai.INBOUND.query(()) == plain
    assert openai.INBOUND.query((("after", ""), ("purpose", ""), ("limit", ""), ("order", ""))) == plain
    assert ark.INBOUND.query((("after", "f"), ("order", "asc"), ("purpose", "agent"))) == FileQuery(
        after="f", limit=100, ascending=True, purpose="agent"
    )


@pytest.mark.parametrize(
    ("family", "name", "value"),
    [
        ("openai", "limit", "0"),
        ("openai", "limit", "10001"),
        ("openai", "limit", "many"),
        ("ark", "limit", "1001"),
        ("ark", "limit", "-1"),
        ("openai", "order", "random"),
    ],
)
def test_queries_that_cannot_be_answered(family: str, name: str, value: str) -> None:
    """A parameter out of its bounds is refused by name."""
    with pytest.raises(Refusal) as caught:
        INBOUND[family].query(((name, value),))
    assert caught.value.param == name


@both
@pytest.mark.parametrize("upstream", [OPENAI, ARK])
@pytest.mark.parametrize("body", [b"", b'{"id":"file-1","object":"file","deleted":true}'])
def test_deleted(family: str, upstream: Dialect, body: bytes) -> None:
    """That a file is gone is said alike everywhere, also where the upstream says nothing."""
    inbound, outbound = DeletedInbound(INBOUND[family]), DeletedOutbound(upstream)
    request, send = sent(inbound, outbound, received(path={"id": "file-1"}))
    assert (send.request.method, send.request.path) == ("DELETE", "/files/file-1")
    read, shown = back(inbound, outbound, request, answer(body))
    assert read.id is None
    assert orjson.loads(shown) == {"id": "file-1", "object": "file", "deleted": True}


def test_answers_of_no_dialect_are_not_passed_on() -> None:
    """Bytes travel on only to callers of the same dialect."""
    own = CallAnswer(fields={"id": "f"}, raw=b"raw", dialect=ARK)
    request, _ = sent(ark.INBOUND, ark.OUTBOUND, received(path={"id": "f"}))
    assert ark.INBOUND.encode(own, request) == b"raw"
    assert orjson.loads(openai.INBOUND.encode(own, request)) == {"id": "f"}
