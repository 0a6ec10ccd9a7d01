"""Callers and keys in SQL, where SQLite has a way of its own."""

import sqlite3
from dataclasses import replace

from proxy.store.sqlite import people
from tests.store.made import CALLER, KEY


def test_keys_of_one_instant_keep_their_order(connection: sqlite3.Connection) -> None:
    """Keys made in the same instant are listed in the order in which they were added, whatever their hashes."""
    people.add_caller(connection, CALLER)
    added = [replace(KEY, hash=bytes([255 - n]) * 32, name=f"n-{n}") for n in range(5)]
    for key in added:
        assert people.add_key(connection, key)
    assert people.keys(connection, None) == added


def test_replacing_what_is_not_there_makes_nothing(connection: sqlite3.Connection) -> None:
    """A key or caller that does not exist is not made by replacing it."""
    assert not people.set_key(connection, KEY)
    people.set_caller(connection, CALLER)
    assert people.keys(connection, None) == []
    assert people.callers(connection) == []


def test_a_rotation_that_cannot_add_changes_nothing(connection: sqlite3.Connection) -> None:
    """If the new hash exists, the old key is left as it was."""
    people.add_caller(connection, CALLER)
    people.add_key(connection, KEY)
    assert not people.rotate_key(connection, replace(KEY, expires_at=1.0), KEY)
    assert people.keys(connection, None) == [KEY]
