"""How faults are asked for."""

import orjson
import pytest

from proxy.simulator import faults
from proxy.simulator.faults import Fault, FaultError, FaultPlan


def test_directives_of_a_prompt() -> None:
    """Every directive is found with its value, wherever it stands among the words."""
    text = "a cat [[sim:fail=Some.Code]] runs [[sim:expire]][[sim:status=预处理]] [sim:no] [[other]]"
    assert faults.directives(text) == {"fail": "Some.Code", "expire": "", "status": "预处理"}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (orjson.dumps({"prompt": "x [[sim:500-after]] [[sim:slow=0.5]]"}), "application/json"),
        (b"prompt=x+%5B%5Bsim%3A500-after%5D%5D+%5B%5Bsim%3Aslow%3D0.5%5D%5D", "application/x-www-form-urlencoded"),
        (
            b'--b\r\nname="prompt"\r\n\r\n[[sim:500-after]][[sim:slow=0.5]]\xff\r\n--b--',
            "multipart/form-data; boundary=b",
        ),
    ],
)
def test_faults_in_a_body_of_any_encoding(body: bytes, content_type: str) -> None:
    """A prompt's own faults are found in JSON, forms and multipart bodies."""
    assert faults.in_body(body, content_type) == [Fault("500-after"), Fault("slow", seconds=0.5)]


def test_a_body_cannot_ask_for_what_concerns_the_job() -> None:
    """`fail`, `hang-poll` and unknown words are no faults of the request that carries them."""
    assert faults.in_body(b"[[sim:fail=X]] [[sim:hang-poll]] [[sim:nonsense]] [[sim:slow=x]]", "") == [Fault("slow")]


def test_a_planned_fault_is_used_up_by_the_requests_it_matches() -> None:
    """The plan counts down on full matches only, and the first of two takes precedence."""
    plan = FaultPlan()
    plan.add({"match": "POST /api/.*", "times": 2, "fault": "429"})
    plan.add({"fault": "break"})
    assert plan.take("GET", "/api/x") == Fault("break")
    assert plan.take("GET", "/api/x") is None
    assert [plan.take("POST", "/api/x") for _ in range(3)] == [Fault("429"), Fault("429"), None]


def test_words_are_planned_for_requests_without_a_prompt() -> None:
    """A `words` fault carries directives, which win over those of the request's own text."""
    plan = FaultPlan()
    plan.add({"fault": "words", "words": {"chunks": 3, "crlf": ""}})
    fault = plan.take("POST", "/")
    assert fault == Fault("words", words={"chunks": "3", "crlf": ""})
    scope = {faults.WORDS: fault.words}
    assert faults.asked(scope, "a [[sim:chunks=9]] [[sim:gzip]]") == {"chunks": "3", "crlf": "", "gzip": ""}
    assert faults.asked({}, "a [[sim:gzip]]") == {"gzip": ""}


def test_clearing_forgets_the_plan() -> None:
    """After a clear no planned fault is left."""
    plan = FaultPlan()
    plan.add({"fault": "429", "times": 100})
    plan.clear()
    assert plan.take("GET", "/") is None


@pytest.mark.parametrize(
    "description",
    [
        {},
        {"fault": "nonsense"},
        {"fault": "429", "times": "2"},
        {"fault": "429", "match": "("},
        {"fault": "slow", "seconds": "x"},
        {"fault": "answer", "status": "x"},
        {"fault": "answer", "headers": []},
        {"fault": "words"},
        {"fault": "words", "words": ["crlf"]},
    ],
)
def test_an_unreadable_description_is_refused(description: dict[str, object]) -> None:
    """A test that mistypes a fault is told so, instead of passing without it."""
    with pytest.raises(FaultError):
        FaultPlan().add(description)


def test_an_answer_without_its_ids() -> None:
    """Only the ids go, whatever else the answer holds."""
    assert orjson.loads(faults.without_id(b'{"id":"a","task_id":"a","status":"queued"}')) == {"status": "queued"}
