"""Takes what the caller wrote out of what an upstream says of a task, where prompts are not to be kept (contract.md §4, keep_prompts)."""

from collections.abc import Mapping
from dataclasses import replace

from proxy.model import Snapshot


def unprompted(snapshot: Snapshot) -> Snapshot:
    """The snapshot without prompts: upstreams repeat them, some in their own words, relays deep inside (openai-wire.md §1.3, §2.1)."""
    raw, facts = _without(snapshot.raw), _without(snapshot.facts)
    return replace(snapshot, raw=raw if isinstance(raw, dict) else {}, facts=facts if isinstance(facts, dict) else {})


def _without(value: object, name: str = "") -> object:
    if isinstance(value, Mapping):
        return {key: _without(member, key) for key, member in value.items() if not _is_prompt(name, key)}
    if isinstance(value, list):
        return [_without(member, name) for member in value]
    return value


def _is_prompt(parent: str, name: str) -> bool:
    """Whether a member is a prompt: `prompt`, `revised_prompt`, `negative_prompt` …, and new-api's `properties.input`."""
    return name.endswith("prompt") or (parent == "properties" and name == "input")
