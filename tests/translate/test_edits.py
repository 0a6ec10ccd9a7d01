"""What is changed of a body, and what its caller is told."""

import pytest

from proxy.errors import Problem, Refusal
from proxy.translate.calls import CallRequest
from proxy.translate.edits import Edits, Loss
from proxy.translate.wire import Notice
from tests.support.calling import OPENAI, received

RULES = {"dropped": Loss.DROP, "refused": Loss.REFUSE, "lossy": Loss.UNLESS_LOSSY}


def edits(body: bytes, *, lossy: bool = False, kind: str = "application/json") -> Edits:
    """The edits of a call with this body."""
    what = received(body, lossy=lossy, kind=kind)
    fields = {name: value for name, value in what.body.fields.items() if value is not None}
    return Edits(CallRequest(model="m", dialect=OPENAI, received=what, fields=fields))


def test_nothing_changes() -> None:
    """A body that nothing is changed in is the caller's, byte for byte."""
    raw = b' { "a" : 1.50, "b":null }\n'
    assert edits(raw).body() == raw
    assert edits(raw).body(drop_nulls=True) == b' { "a" : 1.50 }\n'


def test_changes_stand_in_place() -> None:
    """Values are replaced where they stand, left out, and appended; the rest keeps its bytes."""
    one = edits(b'{"a": 1.50,"b":[ ],"c":3}')
    one.put("b", {"x": 1})
    one.put_raw("d", b"[1 ]")
    one.leave_out("c")
    assert one.body() == b'{"a": 1.50,"b":{"x":1},"d":[1 ]}'
    assert one.members() == {"a": 1.5, "b": {"x": 1}, "d": [1]}
    assert not one.none


def test_form_becomes_json() -> None:
    """The fields of a form are sent as JSON."""
    one = edits(b"a=1&b=x", kind="application/x-www-form-urlencoded")
    one.put("a", 1)
    assert one.body() == b'{"b":"x","a":1}'


def test_cosmetic_loss() -> None:
    """What is cosmetic is dropped with a warning that names it."""
    one = edits(b'{"dropped":1,"x":2}')
    one.settle(RULES, {}, "Ark")
    assert one.body() == b'{"x":2}'
    assert one.notices == [Notice("dropped", "not sent, Ark has no such parameter")]


@pytest.mark.parametrize("value", [b"false", b"[]", b"{}", b'""', b"7"])
def test_values_that_ask_for_nothing(value: bytes) -> None:
    """Whoever asks for nothing loses nothing, so nothing is refused and nothing said."""
    one = edits(b'{"refused":' + value + b',"x":2}')
    one.settle(RULES, {"refused": 7}, "Ark")
    assert (one.body(), one.notices) == (b'{"x":2}', [])


@pytest.mark.parametrize("name", ["refused", "lossy"])
def test_loss_that_matters(name: str) -> None:
    """What changes the result is a 400 that names the field."""
    with pytest.raises(Refusal) as refused:
        edits(b'{"%s":1}' % name.encode()).settle(RULES, {}, "Ark")
    assert (refused.value.problem, refused.value.param) == (Problem.UNSUPPORTED_PARAMETER, name)


def test_losses_allowed() -> None:
    """A caller who allows losses gets a warning instead, but not where nothing would be left of the call's meaning."""
    one = edits(b'{"lossy":1}', lossy=True)
    one.settle(RULES, {}, "Ark")
    assert (one.body(), [notice.param for notice in one.notices]) == (b"{}", ["lossy"])
    with pytest.raises(Refusal):
        edits(b'{"refused":1}', lossy=True).settle(RULES, {}, "Ark")
