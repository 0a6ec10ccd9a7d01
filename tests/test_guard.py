"""Which addresses may be called: every spelling of a private one is refused, names are resolved once, exemptions are exact."""

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.guard import Destination, ForbiddenAddressError, Guard, is_public, origin, system_resolver
from tests.support.addresses import ODD, PRIVATE_ADDRESSES, PUBLIC, PUBLIC_ADDRESSES, PUBLIC_SIX, UNREADABLE


class Names:
    """A resolver that never leaves the machine; a name's answers are given one after the other, the last one for ever."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {name.replace("_", "."): list(each) for name, each in answers.items()}
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a name."""
        self.asked.append((host, port))
        answers = self._answers.get(host)
        if answers is None:
            raise OSError(-2, "Name or service not known")
        return answers.pop(0) if len(answers) > 1 else answers[0]


NOBODY = Names()


@pytest.mark.parametrize("address", PRIVATE_ADDRESSES)
def test_special_ranges_are_not_public(address: str) -> None:
    """No address of a private, special, translated or multicast range counts as public."""
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES)
def test_other_addresses_are_public(address: str) -> None:
    """What is given out on the internet is public, also inside a translated address."""
    assert is_public(address)


@pytest.mark.parametrize(
    "text", ["", "example.com", "127.1", "1.2.3.4.5", "::g", "1.1.1.1%eth0", "fe80::1%eth0", "\ud800"]
)
def test_what_is_no_address_is_not_public(text: str) -> None:
    """A resolver that gives something other than a plain public address has given nothing usable."""
    assert not is_public(text)


@pytest.mark.parametrize("address", PRIVATE_ADDRESSES)
async def test_a_private_literal_is_refused(address: str) -> None:
    """A private address in the URL is refused without asking the resolver."""
    host = f"[{address}]" if ":" in address else address
    for url in (f"http://{host}/x", f"https://{host}:8443/x"):
        with pytest.raises(ForbiddenAddressError):
            await Guard(NOBODY).admit(url)
    assert not NOBODY.asked


@pytest.mark.parametrize("address", PRIVATE_ADDRESSES)
async def test_a_name_that_leads_to_a_private_address_is_refused(address: str) -> None:
    """A name is judged by its address, and the message does not tell that address."""
    names = Names(inside_example=[[address]])
    with pytest.raises(ForbiddenAddressError) as refused:
        await Guard(names).admit("https://inside.example/hook")
    assert address not in str(refused.value)


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES)
async def test_a_public_literal_is_admitted(address: str) -> None:
    """A public address in the URL is the one to connect to, written as addresses usually are."""
    host = f"[{address}]" if ":" in address else address
    destination = await Guard(NOBODY).admit(f"https://{host}/x")
    assert destination.address == destination.host == str(ipaddress.ip_address(address))
    assert not NOBODY.asked


@pytest.mark.parametrize("host", ODD)
async def test_numbers_in_odd_spellings_are_refused(host: str) -> None:
    """A host that some resolvers read as an address is refused whatever is allowed: nobody writes a public one that way."""
    for url in (f"http://{host}/", f"http://{host}:80/x"):
        with pytest.raises(ForbiddenAddressError):
            await Guard(NOBODY).admit(url, allow_private=True)
    assert not NOBODY.asked


@pytest.mark.parametrize("host", ["１２７.0.0.1", "127。0。0。1", "①②⑦.⓪.⓪.①"])
async def test_addresses_in_other_digits_are_the_addresses(host: str) -> None:
    """What IDNA makes of a host is what is judged."""
    with pytest.raises(ForbiddenAddressError):
        await Guard(NOBODY).admit(f"http://{host}/")
    assert not NOBODY.asked


@pytest.mark.parametrize("url", UNREADABLE)
async def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    """Other schemes, credentials, blanks, backslashes, odd ports, zones and odd hosts are refused, private addresses allowed or not."""
    anything = Names(example_com=[[PUBLIC]])
    with pytest.raises(ForbiddenAddressError):
        await Guard(anything).admit(url, allow_private=True)
    with pytest.raises(ForbiddenAddressError):
        origin(url)
    assert not anything.asked


ADMITTED = (
    ("http://example.com", Destination("http", "example.com", 80, PUBLIC, "/"), "example.com"),
    ("https://EXAMPLE.com/a?b=c#d", Destination("https", "example.com", 443, PUBLIC, "/a?b=c"), "example.com"),
    ("HTTPS://example.com:443/", Destination("https", "example.com", 443, PUBLIC, "/"), "example.com"),
    ("http://example.com:443?q", Destination("http", "example.com", 443, PUBLIC, "/?q"), "example.com:443"),
    ("https://example.com:8443/%2e%2e/x%2F", Destination("https", "example.com", 8443, PUBLIC, "/%2e%2e/x%2F"), "example.com:8443"),
    ("https://example.com:/x", Destination("https", "example.com", 443, PUBLIC, "/x"), "example.com"),
    ("https://example.com./x", Destination("https", "example.com", 443, PUBLIC, "/x"), "example.com"),
    ("https://exämple.com/x", Destination("https", "xn--exmple-cua.com", 443, PUBLIC, "/x"), "xn--exmple-cua.com"),
    ("https://xn--exmple-cua.com/x", Destination("https", "xn--exmple-cua.com", 443, PUBLIC, "/x"), "xn--exmple-cua.com"),
    ("https://ｅxample。com/x", Destination("https", "example.com", 443, PUBLIC, "/x"), "example.com"),
    ("http://six.example/", Destination("http", "six.example", 80, PUBLIC_SIX, "/"), "six.example"),
    (f"http://[{PUBLIC_SIX.upper()}]:81/", Destination("http", PUBLIC_SIX, 81, PUBLIC_SIX, "/"), f"[{PUBLIC_SIX}]:81"),
    ("http://my_service.example/", Destination("http", "my_service.example", 80, PUBLIC, "/"), "my_service.example"),
)  # fmt: skip


@pytest.mark.parametrize(("url", "expected", "authority"), ADMITTED)
async def test_a_public_address_is_admitted(url: str, expected: Destination, authority: str) -> None:
    """A destination has the host in its one form, the effective port, the pinned address and the path with its query, as written."""
    everything = {name: [[PUBLIC]] for name in ("example_com", "xn--exmple-cua_com")}
    names = Names(**everything, six_example=[[PUBLIC_SIX]])
    names._answers["my_service.example"] = [[PUBLIC]]
    destination = await Guard(names).admit(url)
    assert destination == expected
    assert destination.authority == authority


@pytest.mark.parametrize(
    ("address", "url"),
    [(PUBLIC, f"https://{PUBLIC}:443/a?b"), (PUBLIC_SIX, f"https://[{PUBLIC_SIX}]:443/a?b")],
)
def test_the_pinned_url_has_the_address_in_place_of_the_name(address: str, url: str) -> None:
    """Who connects to the pinned URL asks no resolver."""
    assert Destination("https", "example.com", 443, address, "/a?b").pinned_url == url


@pytest.mark.parametrize(
    "addresses",
    [[PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], [PUBLIC, "::1"], [PUBLIC_SIX, PUBLIC, "fe80::1%2"], ["x"]],
)
async def test_one_private_address_of_a_name_is_enough(addresses: list[str]) -> None:
    """A name with a public and a private address is refused, in whatever order they come."""
    with pytest.raises(ForbiddenAddressError):
        await Guard(Names(two_example=[addresses])).admit("https://two.example/")


async def test_a_name_is_resolved_once() -> None:
    """A resolver that answers differently the second time has no effect: the first address is the one that is connected to."""
    names = Names(rebinding_example=[[PUBLIC, "1.1.1.1"], ["127.0.0.1"]])
    destination = await Guard(names).admit("http://rebinding.example:8080/x")
    assert destination.pinned_url == f"http://{PUBLIC}:8080/x"
    assert destination.authority == "rebinding.example:8080"
    assert names.asked == [("rebinding.example", 8080)]
    with pytest.raises(ForbiddenAddressError):
        await Guard(names).admit("http://rebinding.example:8080/x")


@pytest.mark.parametrize("answers", [{}, {"gone_example": [[]]}])
async def test_a_name_without_an_address_is_refused(answers: dict[str, list[list[str]]]) -> None:
    """What cannot be resolved cannot be called, and the message names the host that was asked for."""
    with pytest.raises(ForbiddenAddressError, match=r"gone\.example"):
        await Guard(Names(**answers)).admit("https://gone.example/")


ORIGINS = (
    ("http://inside.example:8080/x", "http://inside.example:8080", True),
    ("http://INSIDE.example:8080/x", "http://inside.EXAMPLE:8080/", True),
    ("http://inside.example/x", "http://inside.example:80", True),
    ("https://inside.example:443/x", "https://inside.example", True),
    ("http://inside.example./x", "http://inside.example", True),
    ("http://[::0001]:9000/x", "http://[::1]:9000", True),
    ("http://10.0.0.5:9000/x", "http://10.0.0.5:9000", True),
    ("https://inside.example:8080/x", "http://inside.example:8080", False),
    ("http://inside.example:8081/x", "http://inside.example:8080", False),
    ("http://inside.example/x", "https://inside.example", False),
    ("http://inside.example:443/x", "https://inside.example", False),
    ("http://an.inside.example:8080/x", "http://inside.example:8080", False),
    ("http://inside.example:8080/x", "http://inside.example.other:8080", False),
    ("http://10.0.0.5:9000/x", "http://10.0.0.5:90", False),
)


@pytest.mark.parametrize(("url", "allowed", "admitted"), ORIGINS)
async def test_an_origin_is_exempt_exactly(url: str, allowed: str, *, admitted: bool) -> None:
    """An allowed origin may be private; another scheme, host or port beside it may not."""
    guard = Guard(Names(inside_example=[["10.0.0.5"]], an_inside_example=[["10.0.0.5"]]))
    if admitted:
        assert (await guard.admit(url, origins=["https://other.example", allowed])).target == "/x"
        return
    with pytest.raises(ForbiddenAddressError):
        await guard.admit(url, origins=[allowed])


HOSTS = (
    ("http://inside.example/x", "inside.example", True),
    ("https://inside.example:9443/x", "INSIDE.example", True),
    ("http://127.0.0.1:5000/x", "127.0.0.1", True),
    ("http://[::1]:5000/x", "::1", True),
    ("http://an.inside.example/x", "inside.example", False),
    ("http://127.0.0.2/x", "127.0.0.1", False),
    ("http://[::ffff:127.0.0.1]/x", "127.0.0.1", False),
)


@pytest.mark.parametrize(("url", "allowed", "admitted"), HOSTS)
async def test_a_host_is_exempt_on_any_port(url: str, allowed: str, *, admitted: bool) -> None:
    """An allowed host may be private on any port and in any scheme; its neighbours may not."""
    guard = Guard(Names(inside_example=[["10.0.0.5"]], an_inside_example=[["10.0.0.5"]]))
    if admitted:
        assert (await guard.admit(url, hosts=[allowed])).target == "/x"
        return
    with pytest.raises(ForbiddenAddressError):
        await guard.admit(url, hosts=[allowed])


async def test_an_exemption_does_not_widen_what_a_url_may_be() -> None:
    """Credentials in a URL of an exempt host are still refused."""
    with pytest.raises(ForbiddenAddressError):
        await Guard(NOBODY).admit("http://user@127.0.0.1/", hosts=["127.0.0.1"], origins=["http://127.0.0.1"])


async def test_private_addresses_are_admitted_where_the_operator_says_so() -> None:
    """`allow_private` admits a name inside and a private literal, pinned like any other."""
    guard = Guard(Names(hook_inside=[["10.0.0.5"]]))
    assert (await guard.admit("http://hook.inside:9/x", allow_private=True)).pinned_url == "http://10.0.0.5:9/x"
    assert (await guard.admit("http://127.0.0.1/", allow_private=True)).address == "127.0.0.1"


async def test_the_system_resolver_knows_this_machine() -> None:
    """The default resolver gives plain addresses; localhost is one that the guard refuses."""
    assert set(await system_resolver("localhost", 80)) <= {"127.0.0.1", "::1"}
    with pytest.raises(ForbiddenAddressError):
        await Guard().admit("http://localhost:1/")


PIECES = st.sampled_from(
    [
        *(
            "http://",
            "https://",
            "HTTP:",
            "//",
            "/",
            "\\",
            "@",
            ":",
            "?",
            "#",
            "[",
            "]",
            "%",
            "%25",
            ".",
            "。",
            "-",
            "_",
        ),
        *("127.0.0.1", "::1", "::ffff:", "0x7f", "1", "example.com", "localhost", "xn--", "xn--a", "ß", "ı", "\u200d"),
        *(" ", "\t", "\r\n", "\x00", "\x85", "\u2028", "\ud800", "℀", "①", ":80", ":99999", "a" * 70),
    ]
)
TEXTS = st.one_of(
    st.text(max_size=60),
    st.text(st.characters(exclude_categories=()), max_size=40).map(lambda text: "http://" + text),
    st.lists(PIECES, max_size=10).map("".join),
    st.lists(PIECES, max_size=8).map(lambda pieces: "http://" + "".join(pieces)),
)


@given(TEXTS, st.booleans())
@example("http://[", False)  # noqa: FBT003 - hypothesis passes examples by position
@example("http://a]b[c/", False)  # noqa: FBT003 - as above
async def test_arbitrary_text_is_refused_or_leads_to_the_internet(url: str, allow_private: bool) -> None:
    """Whatever a caller writes, the guard admits a public address or raises its one error."""

    async def some(host: str, port: int) -> Sequence[str]:
        assert host.isascii()
        assert 0 < port < 65536
        return [PUBLIC]

    try:
        destination = await Guard(some).admit(url, allow_private=allow_private)
    except ForbiddenAddressError:
        return
    assert allow_private or is_public(destination.address)
    assert destination.authority.isascii()
    assert not any(character.isspace() or character in "/\\@?#%" for character in destination.authority)
    again = urlsplit(destination.pinned_url)
    assert (again.hostname, again.port) == (destination.address, destination.port)


@given(st.integers(0, 2**32 - 1))
async def test_every_spelling_of_a_v4_address_is_judged_alike(number: int) -> None:
    """An address is as public mapped, by 6to4 and by NAT64 as it is plain."""
    plain = ipaddress.IPv4Address(number)
    spellings = (
        f"::ffff:{plain}",
        f"64:ff9b::{plain}",
        str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1)),
    )
    assert {is_public(text) for text in spellings} == {is_public(str(plain))}
