"""The line scanner against tomllib: the same keys, and the lines that a reader would count."""

import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.scan import KeyPath, key_lines, line_of

TEXT = '''\
# a comment with [brackets] = "quotes"
title = "one"
"a.b".c = 1            # quoted, then dotted
[server]
port = 8686
list = [
  1,
  [ 2, 3 ],            # ] not the end
  "]",
]
[[upstream]]
name = "x = ["
key = { env = "A", more = { deep = [ { x = 1 } ] } }
[upstream.extra]
flag = true
[[upstream]]
name = """
two "" lines with # and [x]
"""
[upstream.extra]
flag = \'\'\'a
b\'\'\'
last = 1979-05-27 07:32:00
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("a.b",), 3),
        (("a.b", "c"), 3),
        (("server",), 4),
        (("server", "port"), 5),
        (("server", "list", 0), 7),
        (("server", "list", 1, 1), 8),
        (("server", "list", 2), 9),
        (("upstream",), 11),
        (("upstream", 0), 11),
        (("upstream", 0, "key", "more", "deep", 0, "x"), 13),
        (("upstream", 0, "extra", "flag"), 15),
        (("upstream", 1), 16),
        (("upstream", 1, "name"), 17),
        (("upstream", 1, "extra"), 20),
        (("upstream", 1, "extra", "last"), 23),
        (("upstream", 1, "extra", "absent"), 20),
        (("nowhere",), 0),
    ],
)
def test_lines(path: KeyPath, line: int) -> None:
    """A key has the line it is written in; a key that is not written has the line of its table."""
    assert line_of(key_lines(TEXT), path) == line


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        'a = """"""\nb = 1',
        'a = """x"""""\nb = 1',
        "a = ''''x''''\nb = 1",
        "'' = 1\n\"\\u0041\" = 2",
        "a = []",
    ],
)
def test_odd_forms(text: str) -> None:
    """Empty texts, empty keys and quotes beside quotes are read as tomllib reads them."""
    assert set(key_lines(text)) == set(paths(tomllib.loads(text)))


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=6)
scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=6,
)


@given(
    st.dictionaries(names, values, max_size=4),
    st.dictionaries(names, st.lists(st.dictionaries(names, values, max_size=3), min_size=1, max_size=3), max_size=2),
)
def test_every_key_is_found(plain: dict[str, object], tables: dict[str, list[dict[str, object]]]) -> None:
    """Whatever tomllib reads, the scanner finds the same keys, each on a line that exists."""
    text = "".join(f"{quoted(name)} = {written(value)}\n" for name, value in plain.items())
    for name, entries in tables.items():
        if name not in plain:
            for entry in entries:
                text += f"[[ {quoted(name)} ]] # {name}\n"
                text += "".join(f"{quoted(key)}={written(value)}\n" for key, value in entry.items())
    lines = key_lines(text)
    assert set(lines) == set(paths(tomllib.loads(text)))
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


def quoted(text: str) -> str:
    """A TOML basic string."""
    escaped = "".join(
        f"\\U{ord(char):08X}" if char in '"\\' or ord(char) < 32 or ord(char) == 127 else char for char in text
    )
    return f'"{escaped}"'


def written(value: object) -> str:
    """A value in TOML, lists over several lines."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[ # list\n" + "".join(f"  {written(item)},\n" for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{quoted(key)} = {written(item)}" for key, item in value.items()) + " }"
    return quoted(str(value))


def paths(value: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The path of every key and list item."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, (*path, name))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from paths(inner, (*path, index))
