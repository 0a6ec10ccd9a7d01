"""Derived keys are those of RFC 5869, and a link's signature is good for its task and time only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.signing import Purpose, Signer, hkdf

SIGNER = Signer(b"a secret of the server")


@pytest.mark.parametrize(
    ("secret", "salt", "info", "length", "expected"),
    [
        (
            b"\x0b" * 22,
            bytes(range(0x0D)),
            bytes(range(0xF0, 0xFA)),
            42,
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            bytes(range(0x50)),
            bytes(range(0x60, 0xB0)),
            bytes(range(0xB0, 0x100)),
            82,
            (
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
                "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
            ),
        ),
        (
            b"\x0b" * 22,
            b"",
            b"",
            42,
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
)
def test_hkdf_gives_the_vectors_of_rfc_5869(
    secret: bytes, salt: bytes, info: bytes, length: int, expected: str
) -> None:
    """The three SHA-256 test cases of RFC 5869, appendix A."""
    assert hkdf(secret, salt=salt, info=info, length=length).hex() == expected


def test_hkdf_refuses_more_than_it_can_give() -> None:
    """255 blocks are the end; one byte more is an error."""
    assert len(hkdf(b"x", length=8160)) == 8160
    with pytest.raises(ValueError, match="8160"):
        hkdf(b"x", length=8161)


def test_every_purpose_has_its_own_key() -> None:
    """Keys differ by purpose and by context, and are the same wherever the secret is the same."""
    keys = {SIGNER.key(purpose, context) for purpose in Purpose for context in ("", "alice", "bob")}
    assert len(keys) == 3 * len(Purpose)
    assert Signer(b"a secret of the server").key(Purpose.WEBHOOK, "alice") in keys
    assert Signer(b"another").key(Purpose.WEBHOOK, "alice") not in keys


def test_an_empty_secret_signs_nothing() -> None:
    """A signer without a secret would sign what anybody can: it is refused."""
    with pytest.raises(ValueError, match="empty"):
        Signer(b"")


def test_a_signer_shows_no_secret() -> None:
    """Neither the secret nor a derived key is in what a log might show of a signer."""
    assert "secret of" not in f"{SIGNER!r} {SIGNER}"


@given(st.text(), st.integers(0, 2**40))
def test_a_link_is_good_until_its_end(task_key: str, expires: int) -> None:
    """A signature is accepted for its task before its end, and at its end no more."""
    signature = SIGNER.sign_link(task_key, expires)
    assert len(signature) == 43
    assert signature.replace("-", "a").replace("_", "a").isalnum()
    assert SIGNER.check_link(task_key, expires, signature, expires - 0.5)
    assert not SIGNER.check_link(task_key, expires, signature, expires)


@pytest.mark.parametrize(
    ("task_key", "expires", "signature"),
    [
        ("k-2", 1000, SIGNER.sign_link("k-1", 1000)),
        ("k-1", 1001, SIGNER.sign_link("k-1", 1000)),
        ("k-1", 1000, Signer(b"another").sign_link("k-1", 1000)),
        ("k-1", 1000, SIGNER.sign_link("k-1", 1000)[:-1]),
        ("k-1", 1000, SIGNER.sign_link("k-1", 1000) + "="),
        ("k-1", 1000, ""),
        ("k-1", 1000, "é\ud800"),
        ("1\nk-1", 100, SIGNER.sign_link("k-1", 1001)),
    ],
)
def test_a_link_of_another_task_time_or_secret_is_refused(task_key: str, expires: int, signature: str) -> None:
    """Anything but the very signature of this task and end is refused, and nothing raises."""
    assert not SIGNER.check_link(task_key, expires, signature, 0.0)
