"""What the simulated models say and count, by rules that a test can follow with a pencil.

An answer is the last message of the user or of a tool, rendered: its texts as they are, one below the other, without
`[[sim:…]]` directives, and every other part as `<type address>`. A token is a word between white space; a part that is
no text counts `PART_TOKENS`. Thinking is `thought-1 thought-2 …`, as many as the effort has.

Directives of that message: `words=N` (an answer of N words, its own over and over), `tool` or `tool=a,b` (calls of the
request's tools), `finish=word`, `chunks=N` (pieces of a stream; else one a word), and `prompt-tokens=N`,
`completion-tokens=N`, `cached-tokens=N` in place of the counts.
"""

import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from proxy.simulator.faults import DIRECTIVE, FaultError, directives
from proxy.simulator.jobs import Json

PART_TOKENS = 64
# How many thoughts an effort is worth. What `thinking` without an effort is worth is the dialect's to say.
EFFORTS: Mapping[str, int] = {"none": 0, "minimal": 1, "low": 2, "medium": 4, "high": 8, "xhigh": 16, "max": 32}
_LONGEST_ADDRESS = 120
_ADDRESSES = ("url", "image_url", "video_url", "audio_url", "file_url", "file_id", "data", "file_data")
_TEXTS = frozenset({"text", "input_text", "output_text", "summary_text", "refusal"})


@dataclass(frozen=True)
class Said:
    """One message: who said it, its rendering, its tokens (those of parts that are no text too) and its directives."""

    role: str
    text: str
    tokens: int = 0
    media: int = 0
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ask:
    """What is asked of the model. `must_call` names a tool, or is "" for any, or None where the model may choose.

    `most` bounds the tokens of the answer, thoughts included; `before` are tokens of an earlier conversation, of which
    `cached` come from a cache.
    """

    said: Sequence[Said]
    tools: tuple[str, ...] = ()
    must_call: str | None = None
    thoughts: int = 0
    most: int | None = None
    as_json: bool = False
    before: int = 0
    cached: int = 0
    planned: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A call of a tool: its name and its arguments as JSON, `{"text": <the rendered message>}`."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Count:
    """Tokens: `media` and `cached` are part of the prompt, `reasoning` is part of the completion."""

    prompt: int
    completion: int
    reasoning: int = 0
    cached: int = 0
    media: int = 0

    @property
    def total(self) -> int:
        """Prompt and completion together."""
        return self.prompt + self.completion


@dataclass(frozen=True)
class Answer:
    """What the model says; `finish` is stop, length, tool_calls, or the word that a directive asks for."""

    text: str
    thoughts: str
    calls: tuple[Call, ...]
    finish: str
    count: Count
    words: Mapping[str, str]


@dataclass(frozen=True)
class Delta:
    """One step of a streamed answer: a `thought`, a `text`, a `call` (its number in `call`; the first step of a call has
    no text), or the `finish`; `so_far` are the completion tokens up to here."""

    kind: str
    text: str
    so_far: int
    call: int = -1
    opens: bool = False


def said(role: str, content: Json) -> Said:
    """A message from its content: a string, a list of parts, or nothing."""
    parts = content if isinstance(content, list) else [] if content is None else [content]
    texts, raw, media = [], [], 0
    for part in parts:
        text = _text(part)
        raw.append(text or "")
        media += text is None
        texts.append(shown(part) if text is None else plain(text))
    tokens = sum(count(plain(text)) for text in raw) + media * PART_TOKENS
    return Said(
        role, "\n".join(text for text in texts if text), tokens, media * PART_TOKENS, directives("\n".join(raw))
    )


def plain(text: str) -> str:
    """A text without its directives, and without the white space around them at its ends."""
    return DIRECTIVE.sub("", text).strip() if DIRECTIVE.search(text) else text


def count(text: str) -> int:
    """The tokens of a text: its words."""
    return len(text.split())


def shown(part: Json) -> str:
    """A part that is no text: `<image_url https://…>`; bulky data by its kind and twelve digits of its SHA-256."""
    if not isinstance(part, dict):
        return f"<{part}>"
    kind = str(part.get("type", ""))
    inner = part.get(kind)
    holder = inner if isinstance(inner, dict) else part
    found = (holder.get(name) for name in _ADDRESSES)
    return f"<{kind} {_short(next((text for text in found if isinstance(text, str)), ''))}>"


def thoughts(number: int) -> str:
    """So many words of thinking."""
    return " ".join(f"thought-{place}" for place in range(1, number + 1))


def pieces(text: str, wanted: str | None) -> list[str]:
    """A text in `wanted` pieces of about one length (empty ones where it is too short), or one a word; joined, the text."""
    if wanted is None:
        return re.findall(r"\s*\S+\s*|\s+", text)
    parts = number(wanted, "chunks")
    return [text[place * len(text) // parts : (place + 1) * len(text) // parts] for place in range(parts)]


def number(value: str, word: str) -> int:
    """The whole number of a directive; raises FaultError for anything else."""
    if not value.isdecimal():
        raise FaultError(f"[[sim:{word}=N]] needs a whole number, not {value!r}")
    return int(value)


def answer(ask: Ask) -> Answer:
    """The model's answer to a conversation."""
    heard = [message for message in ask.said if message.role in {"user", "tool"}] or list(ask.said)
    last = heard[-1] if heard else Said("user", "")
    words = dict(last.words) | dict(ask.planned)
    calls = _calls(ask, last, words)
    text = "" if calls else _said_back(ask, last, words)
    thinking, text, short = _limited(thoughts(ask.thoughts), text, ask.most)
    finish = "tool_calls" if calls else "length" if short else "stop"
    reasoning = count(thinking)
    spoken = reasoning + count(text) + sum(count(call.arguments) for call in calls)
    counted = Count(
        prompt=_counted(words, "prompt-tokens", ask.before + sum(message.tokens for message in ask.said)),
        completion=_counted(words, "completion-tokens", spoken),
        reasoning=reasoning,
        cached=_counted(words, "cached-tokens", ask.cached),
        media=sum(message.media for message in ask.said),
    )
    return Answer(text, thinking, calls, words.get("finish") or finish, counted, words)


def deltas(made: Answer) -> Iterator[Delta]:
    """The answer step by step: thoughts, text or calls, and the finish."""
    so_far = 0
    for piece in pieces(made.thoughts, None):
        so_far += count(piece)
        yield Delta("thought", piece, so_far)
    heard = ""
    for piece in [] if made.calls else pieces(made.text, made.words.get("chunks")):
        heard += piece
        yield Delta("text", piece, so_far + count(heard))
    so_far += count(made.text)
    for place, call in enumerate(made.calls):
        yield Delta("call", "", so_far, place, opens=True)
        for piece in pieces(call.arguments, made.words.get("chunks")):
            yield Delta("call", piece, so_far, place)
        so_far += count(call.arguments)
    yield Delta("finish", "", made.count.completion)


def _text(part: Json) -> str | None:
    """The text of a part; None for a part that is no text."""
    if isinstance(part, str):
        return part
    if isinstance(part, dict) and part.get("type") in _TEXTS:
        return str(part.get("text", part.get("refusal", "")))
    return None


def _short(address: str) -> str:
    head, comma, data = address.partition(",")
    if address.startswith("data:") and comma:
        return f"{head},{_digest(data)}"
    return address if len(address) <= _LONGEST_ADDRESS else _digest(address)


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _calls(ask: Ask, last: Said, words: Mapping[str, str]) -> tuple[Call, ...]:
    wanted = "tool" in words or ask.must_call is not None
    if not ask.tools or not wanted or last.role == "tool":
        return ()
    named = words["tool"].split(",") if words.get("tool") else [ask.must_call or ask.tools[0]]
    arguments = orjson.dumps({"text": last.text}).decode()
    return tuple(Call(name, arguments) for name in named if name in ask.tools)


def _said_back(ask: Ask, last: Said, words: Mapping[str, str]) -> str:
    text = last.text
    if "words" in words:
        own = itertools.cycle(text.split() or ["word"])
        text = " ".join(itertools.islice(own, number(words["words"], "words")))
    return orjson.dumps({"text": text}).decode() if ask.as_json else text


def _limited(thinking: str, text: str, most: int | None) -> tuple[str, str, bool]:
    """Thoughts and text within `most` tokens, and whether something was left out."""
    if most is None or count(thinking) + count(text) <= most:
        return thinking, text, False
    thinking = " ".join(thinking.split()[:most])
    left = most - count(thinking)
    return thinking, "".join(pieces(text, None)[:left]).rstrip(), True


def _counted(words: Mapping[str, str], word: str, usual: int) -> int:
    return number(words[word], word) if word in words else usual
