"""Multipart bodies with files of any size: a file is hashed as it is read, and kept only while it is small enough."""

import base64
import hashlib
from dataclasses import dataclass, field

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from proxy.simulator.shelf import Object

# What is longer can be uploaded too, but not be read back.
MOST_KEPT = 16 * 1024 * 1024
_CHUNK = 1024 * 1024


class UnreadableError(ValueError):
    """The body is no multipart body; the message says where it stops being one."""


@dataclass(frozen=True)
class Upload:
    """One file part: `size` in bytes, `data` without what is beyond `MOST_KEPT`."""

    filename: str
    content_type: str
    size: int
    sha256: str
    data: bytes = field(repr=False)

    def kept(self) -> Object:
        """The content as a shelf holds it: its digest, and its bytes in base64 where they are all there."""
        whole = len(self.data) == self.size
        return {"sha256": self.sha256, "content": base64.b64encode(self.data).decode("ascii") if whole else None}


@dataclass(frozen=True)
class Parts:
    """The parts of a body in their order: texts and files apart."""

    texts: list[tuple[str, str]]
    files: list[tuple[str, Upload]]

    def text(self, name: str) -> str | None:
        """The last text of this name."""
        return dict(self.texts).get(name)

    def named(self, *names: str) -> list[Upload]:
        """Every file that has one of these names."""
        return [upload for key, upload in self.files if key in names]


async def read(request: Request) -> Parts:
    """The parts of a multipart body; raises UnreadableError if it is torn or none."""
    parts = Parts([], [])
    try:
        async with request.form(max_part_size=MOST_KEPT) as form:
            for name, value in form.multi_items():
                if isinstance(value, str):
                    parts.texts.append((name, value))
                else:
                    parts.files.append((name, await _upload(value)))
    except HTTPException as error:
        raise UnreadableError(error.detail) from error
    return parts


async def _upload(part: UploadFile) -> Upload:
    digest, data, size = hashlib.sha256(), bytearray(), 0
    while chunk := await part.read(_CHUNK):
        digest.update(chunk)
        data += chunk[: max(0, MOST_KEPT - size)]
        size += len(chunk)
    return Upload(part.filename or "", part.content_type or "", size, digest.hexdigest(), bytes(data))
