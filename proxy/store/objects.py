"""What is known of objects that upstreams name by id (responses, files, contexts), the same for every database; no SQL is written here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """An upstream's object that belongs to a caller. `facts` is JSON that its upstream said of it, where lists need it; unix seconds."""

    caller: str
    upstream: str
    kind: str
    id: str
    created_at: float
    facts: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFilter:
    """Which of a caller's objects a list wants: newest first unless ascending, behind the place (`created_at`, id) of another one."""

    caller: str
    kind: str
    behind: tuple[float, str] | None = None
    ascending: bool = False
    limit: int = 100
