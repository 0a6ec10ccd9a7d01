"""The links that callers get: the upstream's own where it hands them out, else ours, signed (contract.md §6, "Links")."""

from urllib.parse import quote

from proxy.model import TaskRecord, TaskStatus, Upstream
from proxy.signing import Signer
from proxy.upstream.media import LIFETIME, is_protected, link_ends, public_link

__all__ = ["LIFETIME", "expires_at", "is_protected", "link_for", "public_link", "signed_link"]


def expires_at(record: TaskRecord) -> int:
    """Until when our link to the result is good without an archive, unix seconds: as long as the upstream keeps the result."""
    return link_ends(record)


def signed_link(record: TaskRecord, signer: Signer, base: str, until: int | None = None) -> str:
    """Our link to the result: no key needed, bound to the task's internal key, the same at every read. `until`: the archive's end."""
    expires = expires_at(record) if until is None else until
    signature = signer.sign_link(record.key, expires)
    return f"{base}/v1/videos/{quote(record.id or '', safe='')}/content?exp={expires}&sig={signature}"


def link_for(
    record: TaskRecord, upstream: Upstream | None, signer: Signer, base: str, archived: tuple[float, int] | None = None
) -> str | None:
    """The link to show for a task: None until it has succeeded.

    `archived`, with an archive: now, and until when it keeps the result. The upstream's own link gives way to ours once it is dead.
    """
    if record.snapshot is None or record.snapshot.status is not TaskStatus.SUCCEEDED:
        return None
    now, until = archived or (0.0, None)
    theirs = public_link(record, upstream)
    if theirs and (until is None or now < link_ends(record)):
        return theirs
    return signed_link(record, signer, base, until)
