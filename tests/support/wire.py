"""What a simulator recorded, read with nothing of the project: JSON, and multipart by the standard library's mail parser."""

import base64
import email.policy
import json
import struct
import zlib
from dataclasses import dataclass
from email.parser import BytesParser
from typing import Any

PNG = b"\x89PNG\r\n\x1a\n"
# The first bytes are all that tells a format here; nobody decodes these pictures.
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + bytes(64) + b"\xff\xd9"
WEBP = b"RIFF" + struct.pack("<I", 36) + b"WEBPVP8L" + struct.pack("<I", 24) + bytes(24)
MP4 = struct.pack(">I", 24) + b"ftypisom\x00\x00\x02\x00isomiso2" + struct.pack(">I", 8) + b"mdat"


@dataclass(frozen=True)
class Upload:
    """A file part."""

    filename: str
    content_type: str
    data: bytes


def png(width: int, height: int) -> bytes:
    """A black picture of this size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = bytes(1 + (width + 7) // 8) * height
    return PNG + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def data_url(mime: str, data: bytes) -> str:
    """The data URL of a file."""
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def header(recorded: dict[str, Any], name: str) -> str | None:
    """One header of a recorded request."""
    return next((value for key, value in recorded["headers"] if key.lower() == name), None)


def body(recorded: dict[str, Any]) -> bytes:
    """The bytes of a recorded request's body."""
    if "body_base64" in recorded:
        return base64.b64decode(recorded["body_base64"])
    return str(recorded["body"]).encode()


def fields(recorded: dict[str, Any]) -> dict[str, Any]:
    """The fields of a recorded request: a JSON object's members, or a form's texts and Uploads by name."""
    kind = header(recorded, "content-type") or ""
    if kind.startswith("application/json"):
        members = json.loads(body(recorded))
        assert isinstance(members, dict), members
        return members
    assert kind.startswith("multipart/form-data"), kind
    parser = BytesParser(policy=email.policy.HTTP)
    message = parser.parsebytes(b"content-type: " + kind.encode() + b"\r\n\r\n" + body(recorded))
    found: dict[str, Any] = {}
    for part in message.iter_parts():
        name, data = str(part.get_param("name", header="content-disposition")), part.get_payload(decode=True)
        assert isinstance(data, bytes)
        assert name not in found, f"{name} twice"
        filename = part.get_filename()
        found[name] = data.decode() if filename is None else Upload(filename, part.get_content_type(), data)
    return found
