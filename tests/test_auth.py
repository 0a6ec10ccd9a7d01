"""Keys have the contract's form, are hashed before they are kept, and are told from garbage without the store."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import auth

WHOLE = "sk-ab-" + "a" * 43


@given(st.binary(min_size=32, max_size=32), st.booleans())
def test_a_new_key_has_the_contracts_form(drawn: bytes, admin: bool) -> None:
    """Whatever 32 bytes are drawn, the key has 43 base62 characters behind its start, and looks like a key."""
    key = auth.new_key(admin=admin, random=lambda count: drawn if count == 32 else b"")
    start = "sk-ab-admin-" if admin else "sk-ab-"
    assert key.startswith(start)
    assert len(key) == len(start) + 43
    assert key[len(start) :].isalnum()
    assert auth.looks_like_key(key)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_different_randomness_gives_different_keys(one: bytes, two: bytes) -> None:
    """All 256 bits are in the key: two draws give the same key only if they are the same."""
    assert (auth.new_key(random=lambda _: one) == auth.new_key(random=lambda _: two)) == (one == two)


def test_keys_are_drawn_from_the_systems_randomness() -> None:
    """Without a source of one's own no two keys are alike."""
    assert len({auth.new_key() for _ in range(100)}) == 100


def test_the_digest_is_sha_256_and_matches_its_key_only() -> None:
    """What is stored is the SHA-256 of the whole key; another key does not match it."""
    assert auth.digest(WHOLE) == hashlib.sha256(WHOLE.encode()).digest()
    assert auth.matches(WHOLE, auth.digest(WHOLE))
    assert not auth.matches(WHOLE[:-1] + "b", auth.digest(WHOLE))
    assert not auth.matches("\ud800", auth.digest(WHOLE))


def test_the_prefix_tells_keys_apart() -> None:
    """People recognise a key by its first 12 characters, an admin key by 16, of which the first 12 are the same for all."""
    assert auth.prefix(WHOLE) == "sk-ab-aaaaaa"
    assert auth.prefix(auth.ADMIN_START + "bcdefghijk") == "sk-ab-admin-bcde"
    assert auth.prefix("sk-ab-admin-") == "sk-ab-admin-"


@pytest.mark.parametrize(
    ("header", "credential"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER   abc  ", "abc"),
        (" Bearer abc", "abc"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Bearer a b", None),
        ("Bearer a\tb", None),
        ("Basic abc", None),
        ("abc", None),
        ("Bearerabc", None),
        ("", None),
        (None, None),
    ],
)
def test_authorization_headers(header: str | None, credential: str | None) -> None:
    """The credential of a bearer header is read whatever the scheme's case; everything else has none."""
    assert auth.bearer(header) == credential


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WHOLE, True),
        ("sk-ab-admin-" + "Z9" * 21 + "0", True),
        (WHOLE + "a", False),
        (WHOLE[:-1], False),
        (WHOLE[:-1] + "-", False),
        (WHOLE[:-1] + "é", False),
        (WHOLE[:-1] + "٣", False),
        (WHOLE + "\n", False),
        ("sk-" + "a" * 46, False),
        ("", False),
        ("x" * 10**6, False),
    ],
)
def test_the_shape_of_a_key(text: str, expected: bool) -> None:
    """Only the exact form passes: length, start and alphabet."""
    assert auth.looks_like_key(text) is expected
