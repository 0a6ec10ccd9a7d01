"""The configuration: defaults, secrets, aliases, the environment, and every mistake with its place and the accepted form."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.config import SIMULATOR, Config, find, load
from proxy.errors import ConfigError, Mistake
from proxy.model import Dialect, ModelRoute, Profile, Secret, Upstream

EXAMPLE = Path(__file__).parent.parent / "config.example.toml"
CANARY = "canary-5f0c1d6e"
ARK = '[[upstream]]\nname = "ark"\ndialect = "ark"\nbase_url = "https://x.example.com"\napi_key = { env = "K" }\n'
OTHER = '[[upstream]]\nname = "other"\ndialect = "openai"\nbase_url = "https://y.example.com/v1"\n'

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


# -- defaults ----------------------------------------------------------------------------------------------------------------


def test_example_equals_defaults() -> None:
    """config.example.toml says nothing but the defaults."""
    environ = {"ARK_API_KEY": CANARY}
    assert replace(load(EXAMPLE, environ), path=None) == load(None, environ)


def test_example_equals_defaults_without_upstream(write: Loader) -> None:
    """A file without an upstream has the same one as no file."""
    assert replace(write("", {"ARK_API_KEY": CANARY}), path=None) == load(None, {"ARK_API_KEY": CANARY})


def test_ark_key_alone() -> None:
    """ARK_API_KEY alone gives the upstream `ark` in CNY, which takes every model."""
    config = load(None, {"ARK_API_KEY": CANARY})
    assert config.upstreams == (
        Upstream(
            name="ark",
            dialect=Dialect.ARK,
            base_url="https://ark.cn-beijing.volces.com/api/v3",
            api_keys=(Secret(CANARY),),
            currency="CNY",
        ),
    )
    assert (config.passthrough, config.simulate) == ("ark", False)
    assert (config.server.host, config.server.port, config.server.max_body) == ("127.0.0.1", 8686, 64 * 1024 * 1024)


@pytest.mark.parametrize("environ", [{}, {"ARK_API_KEY": ""}])
def test_no_key_means_simulator(environ: Mapping[str, str]) -> None:
    """Without a key there is one upstream, the built-in simulator, and the configuration says so."""
    config = load(None, environ)
    assert config.simulate
    assert [(one.name, one.base_url, one.currency) for one in config.upstreams] == [(SIMULATOR, "", None)]
    assert config.models["seedance-2.5"] == (ModelRoute(SIMULATOR, "doubao-seedance-2-5-260628"),)


def test_bad_ark_key() -> None:
    """A key that no header can carry is a mistake that names the variable and not the key."""
    with pytest.raises(ConfigError) as wrong:
        load(None, {"ARK_API_KEY": f"{CANARY} x"})
    assert wrong.value.mistakes[0].key == "the environment variable ARK_API_KEY"[-11:]
    assert CANARY not in str(wrong.value)


# -- the archive ---------------------------------------------------------------------------------------------------------------


def test_archive_in_a_bucket(write: Loader) -> None:
    """Everything about the bucket arrives as values, and its keys are known as secrets."""
    config = write(
        """
        [video]
        archive = "s3"
        archive_path = "kept/"
        archive_days = 0
        archive_max_size = "2GiB"
        archive_endpoint = "https://tos-s3-cn-beijing.volces.com/"
        archive_region = "cn-beijing"
        archive_bucket = "our-videos"
        archive_access_key = { env = "A" }
        archive_secret_key = { env = "S" }
        """,
        {"A": f"{CANARY}-a", "S": f"{CANARY}-s"},
    )
    assert (config.video.archive, config.video.archive_path, config.video.archive_days) == ("s3", "kept/", 0)
    assert config.video.archive_max_size == 2 * 1024**3
    assert config.video.archive_endpoint == "https://tos-s3-cn-beijing.volces.com"
    assert {f"{CANARY}-a", f"{CANARY}-s"} <= {secret.reveal() for secret in config.known_secrets()}
    assert CANARY not in repr(config)


def test_archive_with_keys_of_the_machine(write: Loader) -> None:
    """A bucket needs no keys here: AWS's own tools have theirs elsewhere."""
    video = write('[video]\narchive = "s3"\narchive_bucket = "our-videos"').video
    assert (video.archive_access_key, video.archive_secret_key, video.archive_days) == (None, None, 30)


# -- upstreams, models, aliases ------------------------------------------------------------------------------------------------


def test_everything_written(write: Loader, tmp_path: Path) -> None:
    """Every key of an upstream and both forms of a model arrive as values."""
    (tmp_path / "key").write_text(f"{CANARY}-2\r\n", encoding="utf-8")
    config = write(
        f"""
        [server]
        secret = {{ file = "{tmp_path}/key" }}
        [[upstream]]
        name = "one"
        dialect = "openai"
        profile = "vllm-omni"
        base_url = "HTTP://Host:9000/v1/"
        api_keys = [ {{ env = "K" }}, {{ file = "{tmp_path}/key" }} ]
        currency = "EUR"
        media_origins = ["http://10.0.0.5:9001/"]
        [[upstream]]
        name = "old"
        dialect = "ark"
        base_url = "https://ark.eu-west.bytepluses.com/api/v3"
        api_key.env = "K"
        retired = true
        [[model]]
        name = "short"
        upstream = "one"
        upstream_model = "wan"
        [[model]]
        name = "shared"
        routes = [
          {{ upstream = "one", upstream_model = "a", weight = 3 }},
          {{ upstream = "old", upstream_model = "b" }},
        ]
        """
    )
    assert config.upstreams[0] == Upstream(
        name="one",
        dialect=Dialect.OPENAI,
        base_url="http://host:9000/v1",
        api_keys=(Secret(CANARY), Secret(f"{CANARY}-2")),
        profile=Profile.VLLM_OMNI,
        currency="EUR",
        media_origins=("http://10.0.0.5:9001",),
    )
    assert (config.upstreams[1].currency, config.upstreams[1].retired) == ("USD", True)
    assert config.models == {
        "short": (ModelRoute("one", "wan"),),
        "shared": (ModelRoute("one", "a", 3), ModelRoute("old", "b", 1)),
    }
    assert config.passthrough == "one"
    assert config.secret_files == (tmp_path / "key",) * 2
    assert {secret.reveal() for secret in config.known_secrets()} == {CANARY, f"{CANARY}-2"}


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("", {"get": 20.0, "list": 1.0, "delete": 20.0}),
        ("limits = { get = 5, list = 0.5 }", {"get": 5.0, "list": 0.5, "delete": 20.0}),
    ],
)
def test_limits(write: Loader, text: str, limits: Mapping[str, float]) -> None:
    """What an account allows a second is Ark's where the file does not say otherwise, each by itself."""
    assert write(ARK + text).upstreams[0].limits == limits


@pytest.mark.parametrize(
    ("text", "passthrough"),
    [
        (ARK, "ark"),
        (ARK + OTHER, None),
        (ARK + OTHER + '[models]\npassthrough = "other"', "other"),
        (ARK + '[models]\npassthrough = ""', None),
        (ARK + OTHER + "retired = true", "ark"),
    ],
)
def test_passthrough(write: Loader, text: str, passthrough: str | None) -> None:
    """Unlisted models go to the only working upstream, or where the file says."""
    assert write(text).passthrough == passthrough


@pytest.mark.parametrize(
    ("text", "route"),
    [
        (OTHER + ARK, ModelRoute("ark", "doubao-seedance-2-0-fast-260128")),
        (
            ARK + ARK.replace('"ark"\nd', '"two"\nd') + '[models]\npassthrough = "two"',
            ModelRoute("two", "doubao-seedance-2-0-fast-260128"),
        ),
        (
            ARK.replace("x.example.com", "ark.ap-southeast.bytepluses.com"),
            ModelRoute("ark", "dreamina-seedance-2-0-fast-260128"),
        ),
        (
            ARK + '[[model]]\nname = "seedance-2.0-fast"\nupstream = "ark"\nupstream_model = "ep-1"',
            ModelRoute("ark", "ep-1"),
        ),
        (OTHER, None),
        (OTHER + ARK + "retired = true", None),
    ],
)
def test_aliases(write: Loader, text: str, route: ModelRoute | None) -> None:
    """The built-in names lead to a working Ark upstream, under the ids of its host, unless the file has the name."""
    assert write(text).models.get("seedance-2.0-fast", (None,))[0] == route


def test_values_are_frozen(write: Loader) -> None:
    """Nothing of a configuration can be changed."""
    config = write(ARK)
    with pytest.raises(TypeError):
        config.models["x"] = ()  # type: ignore[index]  # the point of the test
    with pytest.raises(ValueError, match="frozen"):
        config.server.port = 1  # type: ignore[misc]  # the point of the test


def test_secrets_do_not_show(write: Loader) -> None:
    """No repr of a configuration holds a key or the password of a database."""
    config = write(f'{ARK}[server]\nsecret = {{ env = "K" }}\n[store]\nredis_url = "redis://:p%40{CANARY}@h/0"')
    assert CANARY not in repr(config)
    assert {secret.reveal() for secret in config.known_secrets()} == {CANARY, f"p%40{CANARY}", f"p@{CANARY}"}


def test_simulator_address() -> None:
    """The simulator's address is filled in once it is known, and only where there is one."""
    assert load(None, {}).with_simulator("http://s/api/v3").upstreams[0].base_url == "http://s/api/v3"
    config = load(None, {"ARK_API_KEY": CANARY})
    assert config.with_simulator("http://s") == config


def test_data_dir(write: Loader) -> None:
    """Our own files go beside the database."""
    assert write('[store]\nurl = "sqlite:////var/lib/arkbridge/a.db"').data_dir == Path("/var/lib/arkbridge")
    assert write("").data_dir == Path("data")


# -- the environment -----------------------------------------------------------------------------------------------------------


def test_environment_wins(write: Loader) -> None:
    """A variable of the right name replaces the file's value; names without a double underscore are nothing of ours."""
    config = write(
        f'{ARK}[server]\nport = 1\n[log]\nformat = "json"',
        {
            "ARKBRIDGE_SERVER__PORT": "9000",
            "ARKBRIDGE_SERVER__MAX_BODY": "1MiB",
            "ARKBRIDGE_LOG__FORMAT": "text",
            "ARKBRIDGE_CONSOLE__ENABLED": "False",
            "ARKBRIDGE_MODELS__PASSTHROUGH": "",
            "ARKBRIDGE_TEST_REQUIRE": "node",
            "ARKBRIDGE_CONFIG": "x",
        },
    )
    assert (config.server.port, config.server.max_body, config.log.format) == (9000, 1024 * 1024, "text")
    assert (config.console.enabled, config.passthrough) == (False, None)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("ARKBRIDGE_SERVER__PORRT", "1", 'did you mean "ARKBRIDGE_SERVER__PORT"?'),
        ("ARKBRIDGE_SEVER__PORT", "1", 'did you mean "ARKBRIDGE_SERVER__PORT"?'),
        ("ARKBRIDGE_SERVER__PORT", "x", "not a whole number; accepted: a port"),
        ("ARKBRIDGE_SERVER__PORT", "70000", "70000 is out of range; accepted: a port"),
        ("ARKBRIDGE_SERVER__PORT", "", "not a whole number"),
        ("ARKBRIDGE_CONSOLE__ENABLED", "maybe", "accepted: true or false"),
        ("ARKBRIDGE_SERVER__ALLOWED_HOSTS", "x", "accepted: in the file, allowed_hosts = a list"),
        ("ARKBRIDGE_SERVER__SECRET", CANARY, 'accepted: in the file, secret = { env = "NAME" }'),
        ("ARKBRIDGE_UPSTREAM__API_KEY", CANARY, "which only the file can hold"),
        ("ARKBRIDGE___", "1", "no setting has this name"),
        ("ARKBRIDGE_SERVER__SECRET__ENV", "K", "no setting has this name"),
        ("ARKBRIDGE_STORE__URL", f"mysql://root:{CANARY}@h/x", 'accepted: "sqlite:///data/arkbridge.db"'),
    ],
)
def test_environment_mistakes(write: Loader, variable: str, value: str, words: str) -> None:
    """A variable that is no setting, or has no fitting value, is a mistake that names it and the accepted form."""
    (mistake,) = mistakes(write, ARK, {variable: value})
    assert (mistake.file, mistake.line, mistake.key) == ("environment", 0, variable)
    assert words in mistake.message
    assert CANARY not in str(mistake)


def test_find(tmp_path: Path) -> None:
    """The file is --config, else ARKBRIDGE_CONFIG, else ./config.toml if it is there, else none."""
    here, given_ = tmp_path / "config.toml", Path("given.toml")
    assert find(None, {}, tmp_path) is None
    here.touch()
    assert find(None, {"ARKBRIDGE_CONFIG": ""}, tmp_path) == here
    assert find(None, {"ARKBRIDGE_CONFIG": "e.toml"}, tmp_path) == Path("e.toml")
    assert find(given_, {"ARKBRIDGE_CONFIG": "e.toml"}, tmp_path) == given_
