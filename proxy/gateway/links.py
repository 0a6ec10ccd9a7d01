"""The links that callers get: the upstream's own where it hands them out, else ours, signed (contract.md §6, "Links")."""

from urllib.parse import quote, urlsplit

from proxy.guard import ForbiddenAddressError, origin
from proxy.model import TaskRecord, TaskStatus, Upstream
from proxy.signing import Signer

LIFETIME = 86400
"""Seconds a result stays fetchable at the upstream (ark-wire.md §0, item 10)."""


def is_protected(url: str, upstream: Upstream) -> bool:
    """Whether a result URL lies inside the upstream's API, so that it needs our key and must not reach a caller (field-notes.md B.4)."""
    try:
        if origin(url) != origin(upstream.base_url):
            return False
    except ForbiddenAddressError:  # no web address, so not one of the upstream's API
        return False
    return urlsplit(url).path.startswith(urlsplit(upstream.base_url).path.rstrip("/") + "/")


def public_link(record: TaskRecord, upstream: Upstream | None) -> str | None:
    """The upstream's own link to the result, if there is one that works without a key."""
    url = record.snapshot.video_url if record.snapshot else None
    if not url or (upstream is not None and is_protected(url, upstream)):
        return None
    return url


def expires_at(record: TaskRecord) -> int:
    """Until when our link to the result is good, unix seconds: the end of the task plus the upstream's 24 hours."""
    snapshot = record.snapshot
    ended = (snapshot.updated_at if snapshot else None) or record.ended_at or record.created_at
    return int(ended) + LIFETIME


def signed_link(record: TaskRecord, signer: Signer, base: str) -> str:
    """Our link to the result: no key needed, bound to the task's internal key, the same at every read."""
    expires = expires_at(record)
    signature = signer.sign_link(record.key, expires)
    return f"{base}/v1/videos/{quote(record.id or '', safe='')}/content?exp={expires}&sig={signature}"


def link_for(record: TaskRecord, upstream: Upstream | None, signer: Signer, base: str) -> str | None:
    """The link to show for a task: None until it has succeeded."""
    if record.snapshot is None or record.snapshot.status is not TaskStatus.SUCCEEDED:
        return None
    return public_link(record, upstream) or signed_link(record, signer, base)
