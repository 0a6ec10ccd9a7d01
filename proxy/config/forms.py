"""The forms single values are written in: sizes, addresses, hosts, networks, secrets. Each gives the normal form or says what is wrong.

No message repeats a value that could hold a secret.
"""

import ipaddress
import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo

from proxy.config.near import near
from proxy.model import Secret

UNITS: Mapping[str, int] = {
    "": 1,
    "b": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
}
SIZE = re.compile(r"(\d{1,15})\s*([A-Za-z]*)")
HOST = re.compile(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


class FormError(ValueError):
    """A value is not written in the form that is wanted; the message says why and is shown as it is."""


@dataclass
class Sources:
    """Where secrets are read from while one configuration is loaded, and the files that were read. `unread` leaves them all unread."""

    environ: Mapping[str, str]
    unread: bool = False
    files: list[Path] = field(default_factory=list)

    def read(self, kind: str, name: str) -> Secret:
        """The secret in the environment variable or file `name`; `FormError` says why there is none."""
        if self.unread:
            return Secret("")
        text = self._variable(name) if kind == "env" else self._file(Path(name))
        if not text:
            raise FormError(f"{_source(kind, name)} is empty")
        if not text.isascii() or not text.isprintable() or " " in text:
            raise FormError(
                f"what {_source(kind, name)} holds is no key: it has blanks, line breaks or characters outside ASCII"
            )
        return Secret(text)

    def _variable(self, name: str) -> str:
        if name not in self.environ:
            raise FormError(f"{_source('env', name)} is not set")
        return self.environ[name].rstrip("\r\n")

    def _file(self, path: Path) -> str:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as failed:
            reason = failed.strerror if isinstance(failed, OSError) else "it is not UTF-8 text"
            raise FormError(f"{_source('file', str(path))} cannot be read: {reason}") from failed
        self.files.append(path)
        return text.rstrip("\r\n")


def _source(kind: str, name: str) -> str:
    return f"the environment variable {name}" if kind == "env" else f"the file {name}"


def secret(value: object, info: ValidationInfo) -> Secret | None:
    """`{ env = "NAME" }` or `{ file = "/path" }` as the secret itself, `{}` as None."""
    if isinstance(value, str):
        raise FormError("a secret is not written into this file, only where to find it")
    if not isinstance(value, dict):
        raise FormError("this is not a reference to a secret")
    for name in value:
        if name not in ("env", "file"):
            raise FormError(f"unknown key {name[:48]!r} in it{near(name, ('env', 'file'))}")
    if len(value) > 1:
        raise FormError("it names an environment variable and a file; one of them is wanted")
    return _read(value, info.context) if value else None


def _read(reference: Mapping[str, object], sources: object) -> Secret | None:
    kind, name = next(iter(reference.items()))
    if not isinstance(name, str) or not name or "\0" in name:
        raise FormError(f"{kind} must be a text that is not empty")
    return sources.read(kind, name) if isinstance(sources, Sources) else None


def byte_size(value: object) -> object:
    """`"64MiB"`, `"64 MB"` or a number of bytes, as bytes."""
    if not isinstance(value, str):
        return value
    match = SIZE.fullmatch(value.strip())
    if match is None or match[2].lower() not in UNITS:
        raise FormError(f"{value[:24]!r} is not a size")
    return int(match[1]) * UNITS[match[2].lower()]


def host_name(value: object) -> object:
    """A host name or address, with or without a port, in lower case."""
    if isinstance(value, str) and not HOST.fullmatch(value):
        raise FormError("this is not a host name")
    return value.lower() if isinstance(value, str) else value


def network(value: object) -> object:
    """An address or a network in CIDR form, written out."""
    if not isinstance(value, str):
        return value
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise FormError(f"{value[:48]!r} is neither an address nor a network") from None


def time_zone(value: object) -> object:
    """A time zone of the IANA list; UTC needs no list."""
    if not isinstance(value, str) or value == "UTC":
        return value
    try:
        zoneinfo.ZoneInfo(value)
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        known = sorted(zoneinfo.available_timezones())
        raise FormError(f"{value[:48]!r} is not a time zone that this system knows{near(value, known)}") from None
    return value


def web_address(value: object) -> object:
    """An http(s) address without credentials, query and trailing slash; "" stays."""
    if not isinstance(value, str) or not value:
        return value
    parts = _http(value)
    if parts.query or parts.fragment:
        raise FormError("it has a query or a fragment")
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def origin(value: object) -> object:
    """An http(s) origin: scheme, host and port only."""
    if not isinstance(value, str):
        return value
    parts = _http(value)
    if parts.path.rstrip("/") or parts.query or parts.fragment:
        raise FormError("an origin has no path")
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}"


def _http(value: str) -> SplitResult:
    if not value.isascii() or not value.isprintable() or " " in value:
        raise FormError("it has blanks or characters that an address cannot have")
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise FormError("it is not an address") from None
    if parts.scheme.lower() not in ("http", "https") or not host:
        raise FormError("it does not start with http:// or https:// and a host")
    if "@" in parts.netloc:
        raise FormError("it carries a user name or password, which does not belong here (use api_key)")
    return parts


def database_url(value: object) -> object:
    """`sqlite:///path` or `postgresql://…`."""
    if isinstance(value, str) and not (_is_url(value) and re.match(r"sqlite:///.|postgresql://.", value)):
        raise FormError("this database is not known")
    return value


def redis_url(value: object) -> object:
    """`redis://…`, `rediss://…` or ""."""
    if isinstance(value, str) and value and not (_is_url(value) and re.match(r"rediss?://.", value)):
        raise FormError("this is not the address of a Redis server")
    return value


def _is_url(value: str) -> bool:
    try:
        return bool(urlsplit(value).scheme) and value.isprintable()
    except ValueError:
        return False


SecretValue = Annotated[Secret | None, PlainValidator(secret)]
ByteSize = Annotated[int, BeforeValidator(byte_size)]
WebAddress = Annotated[str, BeforeValidator(web_address)]
TimeZone = Annotated[str, BeforeValidator(time_zone)]
DatabaseUrl = Annotated[str, BeforeValidator(database_url)]
RedisUrl = Annotated[str, BeforeValidator(redis_url)]
Hosts = Annotated[tuple[Annotated[str, BeforeValidator(host_name)], ...], Field(strict=False)]
Networks = Annotated[tuple[Annotated[str, BeforeValidator(network)], ...], Field(strict=False)]
Origins = Annotated[tuple[Annotated[str, BeforeValidator(origin)], ...], Field(strict=False)]
