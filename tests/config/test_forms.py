"""The forms of single values."""

import pytest

from proxy.config.forms import (
    FormError,
    byte_size,
    database_url,
    host_name,
    network,
    origin,
    redis_url,
    time_zone,
    web_address,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64MiB", 67108864),
        ("64 MB", 64000000),
        ("1024", 1024),
        ("2GiB", 2**31),
        ("10kib", 10240),
        (4096, 4096),
        ("5 B", 5),
    ],
)
def test_sizes(text: object, size: int) -> None:
    """A size is read with decimal and binary units, whatever their capitals."""
    assert byte_size(text) == size


@pytest.mark.parametrize("text", ["", "MiB", "64 parsecs", "-1", "1.5MiB", "1MiB2", "9" * 40])
def test_no_sizes(text: str) -> None:
    """What is no size is refused."""
    with pytest.raises(FormError, match="is not a size"):
        byte_size(text)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("", ""),
        ("https://Ark.Example.com/api/V3/", "https://ark.example.com/api/V3"),
        ("HTTP://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000/v1//", "http://[::1]:8000/v1"),
    ],
)
def test_addresses(text: str, normal: str) -> None:
    """An address loses its trailing slash and the capitals of scheme and host, not those of its path."""
    assert web_address(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "gw.example.com",
        "ftp://x",
        "https://",
        "https://u:canary@x/",
        "https://x/?canary=1",
        "https://x/#a",
        "http://x:99999",
        "http://x y/",
        "http://[::1",
        "http://例子.com",
    ],
)
def test_no_addresses(text: str) -> None:
    """What is no plain http(s) address is refused without repeating it, for it may hold a password."""
    with pytest.raises(FormError) as wrong:
        web_address(text)
    assert "canary" not in str(wrong.value)


@pytest.mark.parametrize(
    ("form", "text", "normal"),
    [
        (origin, "https://Media.example.com:8443/", "https://media.example.com:8443"),
        (host_name, "GW.Example.com:8443", "gw.example.com:8443"),
        (host_name, "[::1]:80", "[::1]:80"),
        (network, "10.1.2.3/8", "10.0.0.0/8"),
        (network, "::1", "::1/128"),
        (time_zone, "UTC", "UTC"),
        (time_zone, "Asia/Shanghai", "Asia/Shanghai"),
        (database_url, "sqlite:///data/x.db", "sqlite:///data/x.db"),
        (redis_url, "rediss://h:1/0", "rediss://h:1/0"),
        (redis_url, "", ""),
    ],
)
def test_normal_forms(form: object, text: str, normal: str) -> None:
    """Each form is brought to one spelling."""
    assert callable(form)
    assert form(text) == normal


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (origin, "https://x/path"),
        (host_name, "https://x"),
        (host_name, "a/b"),
        (network, "10.0.0.0/33"),
        (time_zone, "Mars/Olympus"),
        (time_zone, "../etc/passwd"),
        (time_zone, ""),
        (database_url, "mysql://x"),
        (database_url, "sqlite://"),
        (database_url, "sqlite:///\n"),
        (redis_url, "http://x"),
    ],
)
def test_other_forms(form: object, text: str) -> None:
    """What has another form is refused."""
    assert callable(form)
    with pytest.raises(FormError):
        form(text)
