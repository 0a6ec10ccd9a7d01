"""Decides which addresses may be called or fetched (server-side request forgery, field-notes.md B.12). It resolves once and pins the address.

A name is resolved here and nowhere else: the caller connects to `Destination.address`, so a second answer of the resolver has no effect.
Redirects are never followed by whoever uses a `Destination`; each hop would have to pass here again.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from proxy.errors import ArkbridgeError

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS: Final = {"http": 80, "https": 443}

LONGEST = 8192
"""Characters of the longest URL; more than any server takes in its request line."""

NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
"""A host name once it is lower case and IDNA: what neither a header nor a resolver can misread."""

BRACKETS = re.compile(r"\[[0-9a-fA-F.]*:[0-9a-fA-F:.]*\](?::[0-9]*)?")
"""An IPv6 address and its port; urlsplit overlooks what else may stand around the brackets."""

NAT64 = ipaddress.ip_network("64:ff9b::/96")
UNICAST = ipaddress.ip_network("2000::/3")
"""All that is given out of IPv6; compatible, translated, site-local and local NAT64 addresses lie outside."""

SPECIAL = tuple(ipaddress.ip_network(block) for block in ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20"))
"""Ranges that Python's own tables (3.11) do not know whole: protocol assignments, 6to4 relays, documentation."""


class ForbiddenAddressError(ArkbridgeError):
    """The URL may not be called; the message says why, without naming internal addresses found by the resolver."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL that may be called, with the one address to connect to."""

    scheme: str
    host: str
    port: int
    address: str
    target: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def pinned_url(self) -> str:
        """The URL with the address in place of the name."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.scheme}://{address}:{self.port}{self.target}"


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """Every address of a name, as the operating system gives them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def is_public(address: str) -> bool:
    """Whether an IP address is reachable on the open internet: no private, loopback, link-local, mapped or special range."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    embedded = _embedded(parsed)
    if embedded is not None:
        return is_public(str(embedded))
    if parsed.version == 6 and parsed not in UNICAST:
        return False
    return parsed.is_global and not parsed.is_multicast and not any(parsed in block for block in SPECIAL)


def _embedded(parsed: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address inside a mapped, 6to4, Teredo or NAT64 address."""
    if isinstance(parsed, ipaddress.IPv4Address):
        return None
    if parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    if parsed.sixtofour is not None:
        return parsed.sixtofour
    if parsed.teredo is not None:
        return parsed.teredo[1]
    if parsed in NAT64:
        return ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
    return None


def _literal(host: str) -> Address | None:
    """The address that a host is, without a zone: a zone names a network of this machine."""
    try:
        return None if "%" in host else ipaddress.ip_address(host)
    except ValueError:
        return None


def _odd_number(host: str) -> bool:
    """Whether a host is a number in a spelling that some resolvers read as an address (decimal, octal, hex, short forms)."""
    return all(label.isdigit() or label.startswith("0x") for label in host.split("."))


def origin(url: str) -> tuple[str, str, int]:
    """(scheme, host, effective port) of a URL; raises `ForbiddenAddressError` for what is no plain http(s) URL."""
    return _origin(_split(url))


def _split(url: str) -> SplitResult:
    if len(url) > LONGEST:
        raise ForbiddenAddressError(f"the URL is longer than {LONGEST} characters")
    if not url.isprintable() or " " in url or "\\" in url:
        raise ForbiddenAddressError("the URL has blanks, control characters or backslashes")
    try:
        parts = urlsplit(url)
    except ValueError as broken:
        raise ForbiddenAddressError("the URL cannot be read") from broken
    if parts.scheme not in PORTS:
        raise ForbiddenAddressError("only http and https URLs are allowed")
    if parts.username is not None or parts.password is not None:
        raise ForbiddenAddressError("a URL with a user name or password is not allowed")
    if "[" in parts.netloc and not BRACKETS.fullmatch(parts.netloc):
        raise ForbiddenAddressError("the URL has no usable host")
    return parts


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, _host(parts.hostname or ""), _port(parts)


def _host(name: str) -> str:
    """A host in the one form in which it is compared, resolved and sent: an address as it is usually written, or a name in lower
    case, in IDNA and without the final dot."""
    literal = _literal(name)
    if literal is not None:
        return str(literal)
    try:
        host = name.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError as broken:
        raise ForbiddenAddressError("the URL has no usable host") from broken
    if not NAME.fullmatch(host):
        raise ForbiddenAddressError("the URL has no usable host")
    if _odd_number(host):
        raise ForbiddenAddressError("a numeric host must be written as a plain IPv4 or IPv6 address")
    return host


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError as broken:
        raise ForbiddenAddressError("the URL's port is not a number from 1 to 65535") from broken
    if port == 0:
        raise ForbiddenAddressError("the URL's port is not a number from 1 to 65535")
    return PORTS[parts.scheme] if port is None else port


class Guard:
    """Resolves and judges URLs. `resolver` is injected so that tests never leave the machine."""

    def __init__(self, resolver: Resolver = system_resolver) -> None:
        self._resolver = resolver

    async def admit(
        self, url: str, *, hosts: Iterable[str] = (), origins: Iterable[str] = (), allow_private: bool = False
    ) -> Destination:
        """The destination of a URL, or `ForbiddenAddressError`.

        `hosts` are host names that are allowed whatever they resolve to, on any port; `origins` are `scheme://host[:port]` allowed
        likewise, exactly (contract.md §7, "Fetching"). Everything else must resolve to public addresses only.
        """
        parts = _split(url)
        here = _origin(parts)
        _, host, port = here
        trusted = allow_private or host in {_host(name) for name in hosts} or here in {origin(item) for item in origins}
        address = await self._address(host, port, trusted=trusted)
        target = parts.path or "/"
        if parts.query:
            target += f"?{parts.query}"
        return Destination(parts.scheme, host, port, address, target)

    async def _address(self, host: str, port: int, *, trusted: bool) -> str:
        addresses = [host] if _literal(host) is not None else await self._resolve(host, port)
        if not trusted and not all(is_public(address) for address in addresses):
            raise ForbiddenAddressError("the host leads to a private, loopback or link-local address")
        return addresses[0]

    async def _resolve(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = await self._resolver(host, port)
        except (OSError, UnicodeError) as broken:
            raise ForbiddenAddressError(f"the host {host} cannot be resolved") from broken
        if not addresses:
            raise ForbiddenAddressError(f"the host {host} has no address")
        return addresses
