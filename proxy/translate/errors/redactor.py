"""Cleans an upstream's words before a caller sees them: no key, endpoint id, account id, internal address or nested JSON (contract.md §8)."""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

import orjson

LONGEST: Final = 2000
"""Characters of a message; what is longer ends in an ellipsis."""

GONE: Final = "***"

# Letters are ASCII to the patterns: a key that stands right behind a Chinese character has a boundary there.
# Cut before the patterns run, so that a megabyte of message costs no more than a page.
_READ: Final = 2 * LONGEST
_WORD: Final = 200
_NESTINGS: Final = 8

_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_PORT: Final = r"(?::[0-9]{1,5}\b)?"
_INNER_HOST: Final = r"(?:localhost|(?:[a-z0-9-]{1,63}\.)+(?:local|internal|intranet|lan|corp|svc))" + _PORT
_BARE_HOST: Final = r"[a-z0-9_-]{1,63}" + _PORT + r"(?![\w.@-])"

_RULES: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.ASCII), new)
    for pattern, new in (
        (r"\b(bearer\s+)(?!\*)[^\s\"',;]+", rf"\1{GONE}"),
        (r"\bsk-[\w-]{8,}(?:\*+[\w-]*)?", GONE),
        (rf"\bark-{_UUID}[\w-]*", GONE),
        (rf"((?:\bkeys?\b|密钥)[^\n]{{0,24}}?){_UUID}", rf"\1{GONE}"),
        (r"\bep-[a-z0-9][\w-]{2,}", GONE),
        (r"((?:\baccounts?|账[户号])(?:[\s_-]?id)?[\s:=#'\"`(]{0,4})[0-9]{6,}", rf"\1{GONE}"),
        (r"(\bhttps?://)(?!\*)[^/\s@]+@", rf"\1{GONE}@"),
        (rf"(\bhttps?://)(?:{_INNER_HOST}|{_BARE_HOST})", rf"\1{GONE}"),
        (rf"(?<![\w.-]){_INNER_HOST}(?![\w-])", GONE),
        (r"(\b(?:dial (?:tcp|udp)|connect to) )[a-z0-9_-]{1,63}:[0-9]{1,5}\b", rf"\1{GONE}"),
        (r"(\bdial (?:tcp|udp): lookup )[a-z0-9_.-]+", rf"\1{GONE}"),
    )
)
_IPV4: Final = re.compile(r"(?<![0-9.])((?:[0-9]{1,3}\.){3}[0-9]{1,3})(?!\.?[0-9])(?::[0-9]{1,5}\b)?")
_IPV6: Final = re.compile(
    r"\[?(?<![\w:])((?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4})(?:%\w+)?(?![\w:])\]?(?::[0-9]{1,5}\b)?",
    re.IGNORECASE | re.ASCII,
)
# An error's JSON that cannot be read, because somebody cut it off.
_TORN: Final = re.compile(r'\{\s*\\*"(?:error|message|code|detail)\\*"\s*:')
_CUT_WORD: Final = re.compile(r"[\w.:@-]+\Z", re.ASCII)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without what is not a caller's business, at most `LONGEST` characters; `secrets` are removed wherever they stand."""
    clean = unnested(text.encode(errors="replace").decode())
    for secret in secrets:
        if secret:
            clean = clean.replace(secret, GONE)
    if len(clean) > _READ:
        clean = clean[: _READ - _WORD] + _CUT_WORD.sub("", clean[_READ - _WORD : _READ]) + "…"
    for pattern, new in _RULES:
        clean = pattern.sub(new, clean)
    clean = _IPV6.sub(_hide_inner, _IPV4.sub(_hide_inner, clean))
    return clean if len(clean) <= LONGEST else clean[: LONGEST - 1] + "…"


def unnested(text: str) -> str:
    """The innermost message, where a message is itself an error's JSON, with or without words before it."""
    for _ in range(_NESTINGS):
        inner = nested_error(text)
        message = inner and _first_text(inner, "message", "detail", "msg")
        if not message:
            break
        text = message
    torn = _TORN.search(text)
    return f"{text[: torn.start()].rstrip(' :')} …".lstrip() if torn else text


def nested_error(text: str) -> dict[str, object] | None:
    """The error object that a message carries as JSON, escaped or not, out of its envelope; None if it carries none."""
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        return None
    document = text[start : end + 1]
    for attempt in (document, document.replace('\\"', '"').replace("\\\\", "\\")):
        try:
            return _unwrapped(orjson.loads(attempt))
        except orjson.JSONDecodeError:
            continue
    return None


def _unwrapped(value: object) -> dict[str, object] | None:
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if isinstance(error, dict):
        return error
    if isinstance(error, str):
        return {"message": error, **value}
    return value


def _first_text(value: dict[str, object], *names: str) -> str:
    return next((found for name in names if isinstance(found := value.get(name), str) and found.strip()), "")


def _hide_inner(match: re.Match[str]) -> str:
    """An address that is not one of the public internet is hidden, with its port."""
    try:
        public = ip_address(match[1]).is_global
    except ValueError:
        return match[0]
    return match[0] if public or not match[1].strip(":") else GONE
