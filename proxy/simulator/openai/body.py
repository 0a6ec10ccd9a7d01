"""What a create request carried, read the way a plain server reads it; it never repairs a body sent under a wrong name.

No field is interpreted here: each dialect has its own opinion of them.
"""

import hashlib
from dataclasses import dataclass, field

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request

from proxy.simulator.jobs import Json

LARGEST_FIELD = 64 * 1024 * 1024


class UnreadableError(ValueError):
    """The body is not what its content type says; the message says where it stops being so."""


@dataclass(frozen=True)
class Upload:
    """One file part, with the name and type its sender gave it."""

    filename: str
    content_type: str
    data: bytes = field(repr=False)

    def described(self) -> dict[str, Json]:
        """The file as the control route shows it: name, type, size in bytes and SHA-256, not the bytes."""
        return {
            "filename": self.filename,
            "content_type": self.content_type,
            "bytes": len(self.data),
            "sha256": hashlib.sha256(self.data).hexdigest(),
        }


@dataclass(frozen=True)
class Form:
    """The parts of a multipart body in their order: text and files apart."""

    texts: list[tuple[str, str]]
    files: list[tuple[str, Upload]]

    def first(self, name: str) -> str | None:
        """The first text of this name."""
        return next((text for key, text in self.texts if key == name), None)

    def all(self, name: str) -> list[str]:
        """Every text of this name."""
        return [text for key, text in self.texts if key == name]

    def file(self, name: str) -> Upload | None:
        """The first file of this name."""
        return next((upload for key, upload in self.files if key == name), None)

    def received(self) -> dict[str, Json]:
        """Every part by name, as the control route shows it; a repeated text is a list."""
        shown: dict[str, Json] = {}
        for key, text in self.texts:
            same = self.all(key)
            shown[key] = text if len(same) == 1 else [*same]
        return shown | {key: upload.described() for key, upload in self.files}


def media_type(request: Request) -> str:
    """The content type without its parameters, in lower case; empty when there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json(request: Request) -> dict[str, Json]:
    """The body as a JSON object; raises UnreadableError for anything else."""
    try:
        value = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise UnreadableError(str(error)) from error
    if not isinstance(value, dict):
        raise UnreadableError("the body is not a JSON object")
    return value


async def read_form(request: Request) -> Form:
    """The parts of a multipart body; raises UnreadableError when it has none or is torn."""
    form = Form([], [])
    try:
        async with request.form(max_part_size=LARGEST_FIELD) as parts:
            for name, value in parts.multi_items():
                if isinstance(value, str):
                    form.texts.append((name, value))
                else:
                    data = await value.read()
                    form.files.append((name, Upload(value.filename or "", value.content_type or "", data)))
    except HTTPException as error:
        raise UnreadableError(error.detail) from error
    return form
