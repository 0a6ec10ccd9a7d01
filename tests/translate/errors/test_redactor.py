"""What an upstream says, cleaned."""

from collections.abc import Mapping

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.translate.errors.redactor import GONE, LONGEST, redact

UUID = "3f1c2a44-9b1d-4c6e-8f00-0123456789ab"

HIDDEN: Mapping[str, tuple[str, str]] = {
    "a bearer": (f"bad header Bearer {UUID}x.y-z, try again", f"bad header Bearer {GONE}, try again"),
    "an OpenAI key": ("Incorrect API key provided: sk-proj-abcdefgh12345678.", f"Incorrect API key provided: {GONE}."),
    "a key that is half masked": ("Incorrect API key: sk-abcdefgh****wxyz", f"Incorrect API key: {GONE}"),
    "one of ours": ("key sk-ab-0123456789abcdef unknown", f"key {GONE} unknown"),
    "an Ark key": (f"the key ark-{UUID}-1a2b3 is wrong", f"the key {GONE} is wrong"),
    "a UUID key": (f'The API key "{UUID}" is wrong', f'The API key "{GONE}" is wrong'),
    "an endpoint": (
        "The model or endpoint ep-20250101120000-abcde does not exist",
        f"The model or endpoint {GONE} does not exist",
    ),
    "a shared endpoint": ("endpoint ep-m-20250101120000-abcde", f"endpoint {GONE}"),
    "an account": (
        "Your account 2100123456 has not activated the model x",
        f"Your account {GONE} has not activated the model x",
    ),
    "an account id": ("account_id: 2100123456", f"account_id: {GONE}"),
    "Chinese words around": (
        f"密钥sk-abcdefgh12345678无效，密钥：{UUID}，账户2100123456，接入点ep-20250101120000-abcde，地址10.0.0.1:80。",
        f"密钥{GONE}无效，密钥：{GONE}，账户{GONE}，接入点{GONE}，地址{GONE}。",
    ),
    "a private address": ("dial tcp 10.2.3.4:8080: refused", f"dial tcp {GONE}: refused"),
    "a private address in a link": ("Get http://192.168.1.9/v1/x failed", f"Get http://{GONE}/v1/x failed"),
    "the loopback": ("127.0.0.1:9000, then 169.254.169.254", f"{GONE}, then {GONE}"),
    "a shared address": ("via 100.64.0.7.", f"via {GONE}."),
    "a private IPv6 address": ("to [fd00:1::7]:8080 or fe80::1%eth0 or ::1", f"to {GONE} or {GONE} or {GONE}"),
    "a host without a domain": ("Post http://relay-svc:8080/v1 failed", f"Post http://{GONE}/v1 failed"),
    "a cluster's host": ("relay.prod.svc.cluster.local:80 is down", f"{GONE} is down"),
    "localhost": ("connect to localhost:6379", f"connect to {GONE}"),
    "a looked up host": ("dial tcp: lookup redis-master: no such host", f"dial tcp: lookup {GONE}: no such host"),
    "a dialled host": ("dial tcp redis-master:6379: refused", f"dial tcp {GONE}: refused"),
    "a password in a link": ("https://user:pass@example.com/x", f"https://{GONE}@example.com/x"),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_hidden(name: str) -> None:
    """Keys, endpoint and account ids and internal addresses are gone, the words around them stay."""
    text, expected = HIDDEN[name]
    assert redact(text) == expected


KEPT = (
    "The parameter `service_tier` specified in the request are not valid: step-by-step. Request id: 0217123456789abcdef",
    "The parameter `content[1].image_url` … resource download failed",
    'json: unknown field "summary"',
    "https://ark-aigc-cn-beijing.tos-cn-beijing.volces.com/a.mp4?X-Tos-Signature=abc is gone",
    "version 1.2.3.4 at 12:34:56 on 2026-11-24",
    "see http://example.com:8080/a and 8.8.8.8:53 and [2606:4700::1111]:443",
    "duration must be in [4,15] or -1, seeds up to 4294967295",
    "当前分组上游负载已饱和，请稍后再试",
    f"request {UUID} was not found",
    "failed to connect to the server, the lookup failed",
    "std::vector and a :: b",
    'the field {"a": 1} is unknown',
)


@pytest.mark.parametrize("text", KEPT)
def test_kept(text: str) -> None:
    """What a caller can use stays as the upstream wrote it."""
    assert redact(text) == text


INNER = {"error": {"code": "InvalidParameter", "message": "duration is 99", "param": "duration"}}
NESTED = (
    orjson.dumps(INNER).decode(),
    "upstream said: " + orjson.dumps(INNER).decode() + " (400)",
    orjson.dumps(orjson.dumps(INNER).decode()).decode(),
    orjson.dumps({"error": {"message": orjson.dumps(INNER).decode()}}).decode(),
    '{"error":"duration is 99"}',
    '{"detail":"duration is 99"}',
    '{"code":"x","message":"duration is 99","data":null}',
)


@pytest.mark.parametrize("text", NESTED)
def test_nested_json_is_opened(text: str) -> None:
    """A message that is an error's JSON gives the message in it."""
    assert redact(text) == "duration is 99"


@pytest.mark.parametrize(
    "text", ['failed: {"error":{"code":"Inv', 'failed: {\\"error\\":{\\"code\\":\\"Inv', 'failed: {"code": 1} ']
)
def test_torn_json_is_cut(text: str) -> None:
    """An error's JSON that cannot be read does not reach a caller."""
    assert redact(text) == "failed …"


def test_secrets_are_removed_wherever_they_stand() -> None:
    """What the gateway knows to be secret goes, whatever it looks like; an empty secret hides nothing."""
    assert redact("the word hunter2 in nohunter2x", ["hunter2", ""]) == f"the word {GONE} in no{GONE}x"


def test_length_is_capped() -> None:
    """A message is a page at most, also when it has no blank, and a key at the cut does not shine through."""
    assert len(redact("x" * 1_000_000)) == LONGEST
    assert redact("猫" * 5000).endswith("猫…")
    for pad in range(LONGEST * 2 - 60, LONGEST * 2):
        text = "10.0.0.1 " * 300 + "-" * (pad - 2700) + " sk-abcdefghijklmnopqrstuvwxyz0123456789 and more"
        assert "sk-" not in redact(text)


@settings(max_examples=300, deadline=None)
@given(st.text() | st.text('{}[]":\\erormsag10.-/@', max_size=80))
def test_any_text(text: str) -> None:
    """Whatever the text, it can be sent, and cleaning it again finds nothing more to hide."""
    clean = redact(text)
    assert len(clean) <= LONGEST
    assert orjson.loads(orjson.dumps(clean)) == clean
    assert redact(clean) == clean
