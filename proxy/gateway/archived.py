"""Answers content requests from the archive: the whole copy, the one range that was asked for, its headers, or a link to it."""

from collections.abc import Mapping
from email.utils import formatdate
from urllib.parse import quote

from proxy.archive.shelf import Found, Shelf
from proxy.errors import Problem, Refusal
from proxy.gateway.call import Answer, Call
from proxy.gateway.ranges import OutsideError, wanted


def from_archive(call: Call, task_id: str, shelf: Shelf, found: Found) -> Answer:
    """The answer to GET or HEAD; 416 for a range outside the copy."""
    name = f"{quote(task_id, safe='-_.')}.mp4"
    if call.method == "GET" and call.headers.get("x-arkbridge-content", "").strip().lower() == "redirect":
        link = shelf.link(found, name)
        if link:
            return Answer(status=302, headers=[("location", link), ("cache-control", "no-store")])
    headers = {
        "accept-ranges": "bytes",
        "etag": f'"{found.sha256}"',
        "last-modified": formatdate(found.archived_at, usegmt=True),
        "content-disposition": f'attachment; filename="{name}"',
    }
    if call.method == "HEAD":
        headers["content-length"] = str(found.size)
        return Answer(headers=list(headers.items()), content_type=found.content_type)
    return _bytes(call.headers, shelf, found, headers)


def _bytes(asked: Mapping[str, str], shelf: Shelf, found: Found, headers: dict[str, str]) -> Answer:
    try:
        span = wanted(asked, found.size, headers["etag"], headers["last-modified"])
    except OutsideError as outside:
        raise Refusal(
            Problem.RANGE_NOT_SATISFIABLE,
            f"The range lies outside the result ({outside}).",
            param="range",
            headers={"content-range": str(outside)},
        ) from outside
    start, end = span or (0, found.size)
    headers["content-length"] = str(end - start)
    if span:
        headers["content-range"] = f"bytes {start}-{end - 1}/{found.size}"
    return Answer(
        status=206 if span else 200,
        headers=list(headers.items()),
        chunks=shelf.read(found, start, end),
        content_type=found.content_type,
    )
