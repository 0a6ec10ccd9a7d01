"""Every mistake in a configuration is told with its place and the accepted form, all of them together, and none shows a secret."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config import Config, load
from proxy.config.schema import known_keys
from proxy.errors import ConfigError, Mistake

CANARY = "canary-5f0c1d6e"
ARK = '[[upstream]]\nname = "ark"\ndialect = "ark"\nbase_url = "https://x.example.com"\napi_key = { env = "K" }\n'

Loader = Callable[..., Config]


@pytest.fixture
def write(tmp_path: Path) -> Loader:
    """Load a text as a file, with `K` and further variables in the environment."""

    def load_text(text: str, environ: Mapping[str, str] | None = None) -> Config:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        return load(path, {"K": CANARY, **(environ or {})})

    return load_text


def mistakes(loader: Loader, text: str, environ: Mapping[str, str] | None = None) -> tuple[Mistake, ...]:
    """What is wrong with a text."""
    with pytest.raises(ConfigError) as wrong:
        loader(text, environ)
    return wrong.value.mistakes


UPSTREAM = '[[upstream]]\nname = "a"\ndialect = "openai"\nbase_url = "http://h/v1"\n'
MODEL = UPSTREAM + '[[model]]\nname = "m"\n'
SHORT = 'upstream = "a"\nupstream_model = "x"'
ROUTE = 'upstream = "a", upstream_model = "x"'
TABLE: tuple[tuple[str, int, str, str], ...] = (
    ("[server]\nprot = 1", 2, "server.prot", 'did you mean "port"?'),
    ("[server]\nzzz = 1", 2, "server.zzz", "known here: host, port"),
    ("[sever]\nport = 1", 1, "sever", 'did you mean "server"?'),
    ('"weird key" = 1', 1, "'weird key'", "no such key"),
    ("server = 5", 1, "server", "is a number, not a table"),
    ('[server]\nport = "80"', 2, "server.port", "is a text, not a whole number; accepted: a port"),
    ("[server]\nport = true", 2, "server.port", "not a whole number"),
    ("[server]\nport = 65536", 2, "server.port", "65536 is out of range"),
    ("server.port = 8.5", 1, "server.port", "not a whole number"),
    ("[server]\nport = 2001-01-01", 2, "server.port", "is a date or time"),
    ('[server]\nhost = ""', 2, "server.host", "is empty; accepted: an address"),
    ('[server]\npublic_url = "gw.example.com"', 2, "server.public_url", "https://gw.example.com"),
    ('[server]\nallowed_hosts = "x"', 2, "server.allowed_hosts", "is a text, not a list"),
    ('[server]\nallowed_hosts = [\n"x",\n"http://y"]', 4, "server.allowed_hosts[1]", "not a host name"),
    ('[server]\ntrusted_proxies = ["10.0.0.0/40"]', 2, "server.trusted_proxies[0]", '["10.0.0.0/8"]'),
    ('[server]\nmax_body = "64 parsecs"', 2, "server.max_body", '"64MiB"'),
    ("[server]\nmax_body = 12", 2, "server.max_body", "out of range"),
    (f'[server]\nsecret = "{CANARY}"', 2, "server.secret", '{ env = "NAME" } or { file = "/path" }'),
    ('[server]\nsecret = { env = "NONE" }', 2, "server.secret", "the environment variable NONE is not set"),
    ('[server]\nsecret = { file = "/no/such/file" }', 2, "server.secret", "the file /no/such/file cannot be read"),
    ('[server]\nsecret = { envv = "K" }', 2, "server.secret", 'did you mean "env"?'),
    ('[server]\nsecret = { env = "K", file = "x" }', 2, "server.secret", "one of them is wanted"),
    ("[server]\nsecret = { env = 1 }", 2, "server.secret", "env must be a text"),
    ('[server]\nsecret = { file = "\\u0000" }', 2, "server.secret", "file"),
    ("[server]\nsecret = []", 2, "server.secret", "not a reference to a secret"),
    ('[store]\nurl = "mysql://x"', 2, "store.url", "sqlite:///data/arkbridge.db"),
    ('[store]\nurl = "postgresql://x/y"', 2, "store.url", "SQLite only"),
    ('[store]\nredis_url = "http://x"', 2, "store.redis_url", "redis://host:6379/0"),
    ('[upstream]\nname = "a"', 1, "upstream", "not a list of tables; accepted: [[upstream]]"),
    ("upstream = [1]", 1, "upstream[0]", "is a number, not a table"),
    (
        '[[upstream]]\ndialect = "openai"\nbase_url = "http://h"',
        1,
        "upstream[0].name",
        "is missing; accepted: up to 64",
    ),
    (UPSTREAM.replace('"a"', '"a b"'), 2, "upstream[0].name", "has another form; accepted: up to 64"),
    (UPSTREAM.replace('"openai"', '"openia"'), 3, "upstream[0].dialect", 'did you mean "openai"?'),
    (UPSTREAM + 'profile = "vllm"', 5, "upstream[0].profile", 'did you mean "vllm-omni"?'),
    (UPSTREAM.replace("http://h", f"http://u:{CANARY}@h"), 4, "upstream[0].base_url", "user name or password"),
    (UPSTREAM.replace("http://h", "h"), 4, "upstream[0].base_url", "http:// or https://"),
    (UPSTREAM.replace("http://h/v1", ""), 4, "upstream[0].base_url", "is empty"),
    (UPSTREAM + f'api_key = "{CANARY}"', 5, "upstream[0].api_key", '{ env = "ARK_API_KEY" }'),
    (UPSTREAM + "api_key = {}", 5, "upstream[0].api_key", "it names no secret"),
    (UPSTREAM + "api_keys = []", 5, "upstream[0].api_keys", "it names no secret"),
    (UPSTREAM + "api_keys = [{}]", 5, "upstream[0].api_keys", "it names no secret"),
    (UPSTREAM + f'api_keys = [\n"{CANARY}"]', 6, "upstream[0].api_keys[0]", "not written into this file"),
    (UPSTREAM + 'api_key.env = "K"\napi_keys = [ { env = "K" } ]', 6, "upstream[0].api_keys", "one of the two"),
    (UPSTREAM + 'currency = "yuan"', 5, "upstream[0].currency", '"CNY"'),
    (UPSTREAM + 'media_origins = ["http://h/p"]', 5, "upstream[0].media_origins[0]", "an origin has no path"),
    (UPSTREAM + "limits = 20", 5, "upstream[0].limits", "is a number, not a table; accepted: a table such as"),
    (
        UPSTREAM + "limits = { gett = 1 }",
        5,
        "upstream[0].limits.gett",
        'did you mean "get"? (known here: get, list, delete)',
    ),
    (UPSTREAM + "limits.get = 0", 5, "upstream[0].limits.get", "0 is out of range; accepted: reads of tasks a second"),
    (UPSTREAM + 'limits = { list = "1" }', 5, "upstream[0].limits.list", "is a text, not a number"),
    (UPSTREAM + "limits = { delete = inf }", 5, "upstream[0].limits.delete", "inf is out of range"),
    (UPSTREAM + "limits = { get = nan }", 5, "upstream[0].limits.get", "nan is out of range"),
    (UPSTREAM + "retired = 1", 5, "upstream[0].retired", "is a number, not true or false"),
    (UPSTREAM + UPSTREAM, 6, "upstream[1].name", "another [[upstream]] is called 'a' too"),
    (UPSTREAM.replace("openai", "ark"), 1, "upstream[0]", "api_key is missing"),
    (ARK + 'profile = "newapi"', 6, "upstream[0].profile", 'the dialect "ark" has no profiles'),
    (MODEL, 5, "model[0]", "it leads nowhere; accepted: routes"),
    (MODEL.replace('"m"', "1") + SHORT, 6, "model[0].name", "is a number, not a text"),
    (MODEL + 'upstream = "a"', 5, "model[0]", "upstream_model is missing"),
    (MODEL + 'upstream_model = "x"', 5, "model[0]", "upstream is missing"),
    (MODEL + 'upstream = "a"\nupstream_model = ""', 8, "model[0].upstream_model", "is empty"),
    (MODEL + SHORT.replace('"a"', '"b"'), 7, "model[0].upstream", "no upstream is called 'b'; accepted: \"a\""),
    (MODEL + SHORT.replace('"a"', '"A"'), 7, "model[0].upstream", 'did you mean "a"?'),
    (MODEL + f"{SHORT}\nroutes = [ {{ {ROUTE} }} ]", 5, "model[0]", "both there"),
    (MODEL + 'routes = { upstream = "a" }', 7, "model[0].routes", "is a table, not a list"),
    (MODEL + 'routes = [\n{ upstream = "b", upstream_model = "x" } ]', 8, "model[0].routes[0].upstream", "no upstream"),
    (MODEL + f"routes = [ {{ {ROUTE}, weight = 0 }} ]", 7, "model[0].routes[0].weight", "0 is out of range"),
    (MODEL + 'routes = [ { upstream = "a" } ]', 7, "model[0].routes[0].upstream_model", "is missing"),
    (MODEL + f"routes = [ {{ {ROUTE}, wieght = 1 }} ]", 7, "model[0].routes[0].wieght", 'did you mean "weight"?'),
    (UPSTREAM + '[models]\npassthrough = "b"', 6, "models.passthrough", 'accepted: "a", or "" for none'),
    ('[accounting]\ntimezone = "Asia/Shangai"', 2, "accounting.timezone", 'did you mean "Asia/Shanghai"?'),
    ('[video]\narchive = "loca"', 2, "video.archive", 'did you mean "local"?'),
    ("[video]\narchive_path = 1", 2, "video.archive_path", "a directory"),
    ("[video]\narchive_days = -1", 2, "video.archive_days", "-1 is out of range"),
    ('[video]\narchive_max_size = "1 GiBB"', 2, "video.archive_max_size", '"1GiB"'),
    ('[video]\narchive_endpoint = "s3.example.com"', 2, "video.archive_endpoint", "http:// or https://"),
    ('[video]\narchive_region = "cn beijing"', 2, "video.archive_region", '"cn-beijing"'),
    ('[video]\narchive_bucket = "a/b"', 2, "video.archive_bucket", "the name of a bucket"),
    ('[video]\narchive = "s3"', 1, "video.archive_bucket", 'archive = "s3" needs one'),
    (f'[video]\narchive_access_key = "{CANARY}"', 2, "video.archive_access_key", "not written into this file"),
    (f'[video]\narchive_secret_key = "{CANARY}"', 2, "video.archive_secret_key", "not written into this file"),
    ('[video]\narchive_access_key = { env = "K" }', 1, "video.archive_secret_key", "the two keys go together"),
    ('[video]\narchive_secret_key = { env = "K" }', 1, "video.archive_access_key", "the two keys go together"),
    ('[video]\nkeep_prompts = "no"', 2, "video.keep_prompts", "true or false"),
    ("[callbacks]\nallow_private = 0", 2, "callbacks.allow_private", "true or false"),
    ("[console]\nenabled = 1", 2, "console.enabled", "true or false"),
    ('[log]\nformat = "xml"', 2, "log.format", '"json" or "text"'),
    ("[log]\nformat = 3", 2, "log.format", "is a number, not a text"),
    ("[log]\nbodies = 1", 2, "log.bodies", "true or false"),
    ("a = 1\nb =", 2, "file", "this is not TOML"),
    ('a = "\n', 1, "file", "this is not TOML"),
    ("[server]\nport = 1\nport = 2", 3, "file", "this is not TOML"),
    ("a = [", 1, "file", "this is not TOML"),
    (f"a = {'9' * 5000}", 0, "file", "this is not TOML"),
    ("a = " + "[" * 100000, 0, "file", "nested too deeply"),
)


@pytest.mark.parametrize(
    ("text", "line", "key", "words"), TABLE, ids=[f"{number}-{row[2]}" for number, row in enumerate(TABLE)]
)
def test_mistakes(write: Loader, tmp_path: Path, text: str, line: int, key: str, words: str) -> None:
    """Each mistake alone is told once, with file, line, key and the accepted form, and without any secret."""
    (mistake,) = mistakes(write, text)
    assert (mistake.file, mistake.line, mistake.key) == (str(tmp_path / "config.toml"), line, key)
    assert words in mistake.message
    assert CANARY not in str(mistake)


def test_table_is_total() -> None:
    """Every key of the schema has a mistake in the table."""
    told = {re.sub(r"\[\d+\]", "[]", re.sub(r"\[\d+\]$", "", row[2])) for row in TABLE}
    assert set(known_keys()) - told == set()


def test_all_at_once(write: Loader) -> None:
    """Mistakes of every kind are told together, in the order of the lines, the environment last."""
    text = '[server]\nport = "x"\n[nope]\n' + ARK + "retired = 0\n" + ARK + '[[model]]\nname = "m"\nupstream = "b"\n'
    told = mistakes(write, text, {"ARKBRIDGE_LOG__FORMAT": "x", "ARKBRIDGE_A__B": "1"})
    assert [mistake.key for mistake in told] == [
        "server.port",
        "nope",
        "upstream[0].retired",
        "upstream[1].name",
        "model[0]",
        "model[0].upstream",
        "ARKBRIDGE_A__B",
        "ARKBRIDGE_LOG__FORMAT",
    ]


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [(b"a = 1\nb = '\xff'", 2, "it is not UTF-8"), (b"\xef\xbb\xbf[server]\nport = 'x'", 2, "not a whole number")],
)
def test_encodings(tmp_path: Path, content: bytes, line: int, words: str) -> None:
    """A byte that is not UTF-8 is told with its line; a byte order mark is no mistake."""
    path = tmp_path / "c.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as wrong:
        load(path, {})
    assert [(mistake.line, words in mistake.message) for mistake in wrong.value.mistakes] == [(line, True)]


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_unreadable(tmp_path: Path, name: str) -> None:
    """A file that is not there, or is no file, is told by its name."""
    with pytest.raises(ConfigError) as wrong:
        load(tmp_path / name, {})
    assert wrong.value.mistakes[0].file == str(tmp_path / name)
    assert "cannot be read" in wrong.value.mistakes[0].message


@pytest.mark.parametrize(("content", "words"), [(b"\n", "is empty"), (b"a b", "is no key"), (b"\xff", "not UTF-8")])
def test_bad_secret_files(write: Loader, tmp_path: Path, content: bytes, words: str) -> None:
    """A secret file that holds no secret is a mistake that names the file."""
    (tmp_path / "key").write_bytes(content)
    (mistake,) = mistakes(write, UPSTREAM + f'api_key = {{ file = "{tmp_path}/key" }}')
    assert words in mistake.message
    assert str(tmp_path / "key") in mistake.message


sections = ["server", "store", "upstream", "model", "models", "log", "x"]
names = st.sampled_from([key.rpartition(".")[2] for key in known_keys()] + sections)
literals = st.sampled_from(
    [
        '"ark"',
        '"openai"',
        '""',
        "1",
        "true",
        "[]",
        "{}",
        "[[]]",
        '{ env = "K" }',
        "1e999",
        "nan",
        "07:32:00",
        '"http://h"',
    ]
)
lines = st.one_of(
    names.map(lambda name: f"[{name}]"),
    names.map(lambda name: f"[[{name}]]"),
    st.tuples(names, literals).map(lambda pair: f"{pair[0]} = {pair[1]}"),
    st.tuples(names, names, literals).map(lambda parts: f"{parts[0]}.{parts[1]} = {parts[2]}"),
)
texts = st.one_of(st.text(max_size=60), st.lists(lines, max_size=12).map("\n".join))
environs = st.dictionaries(
    st.sampled_from(["ARKBRIDGE_SERVER__PORT", "ARKBRIDGE_LOG__FORMAT", "ARKBRIDGE_X__", "ARK_API_KEY"]),
    st.text(max_size=5),
)


@given(text=texts, environ=environs)
def test_only_config_errors(tmp_path_factory: pytest.TempPathFactory, text: str, environ: dict[str, str]) -> None:
    """No text and no environment makes `load` raise anything but `ConfigError`, and every mistake has a place and words."""
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    told: tuple[Mistake, ...] = ()
    try:
        load(path, environ)
    except ConfigError as wrong:
        told = wrong.mistakes
    assert all(mistake.message and mistake.key and mistake.line >= 0 for mistake in told)
