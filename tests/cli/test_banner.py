"""What a starting gateway prints."""

import json
import re
import shlex
from pathlib import Path

import pytest

from proxy.cli.banner import FirstKey, banner, bearer, callable_url, curl, usual_model
from proxy.config import Config, load

KEY = "sk-ab-" + "k" * 43
URL = "http://127.0.0.1:8686"


@pytest.fixture
def ark() -> Config:
    """An Ark upstream from the environment."""
    return load(None, {"ARK_API_KEY": "canary-upstream-key"})


def test_both_bases_and_no_secret(ark: Config) -> None:
    """Both SDKs get their base URL; the upstream is named, its key is not."""
    text = banner(ark, URL, None)
    assert "OpenAI SDKs  base URL http://127.0.0.1:8686/v1\n" in text
    assert "Ark SDKs     base URL http://127.0.0.1:8686/api/v3\n" in text
    assert "upstream ark: https://ark.cn-beijing.volces.com/api/v3" in text
    assert "canary" not in text
    assert "SIMULATOR" not in text


def test_simulator_is_said_loudly() -> None:
    """Without any upstream nobody can take the simulator for the real thing."""
    text = banner(load(None, {}), URL, None)
    assert "*** SIMULATOR ***" in text
    assert "ARK_API_KEY" in text


@pytest.mark.parametrize(
    ("first", "word", "count"),
    [
        (FirstKey(text=KEY), KEY, 2),
        (FirstKey(file=Path("data/first-key")), "$(cat data/first-key)", 1),
        (FirstKey(file=Path("my data/k")), "$(cat 'my data/k')", 1),
        (None, "$ARKBRIDGE_KEY", 1),
    ],
)
def test_keys(ark: Config, first: FirstKey | None, word: str, count: int) -> None:
    """The curl has the key itself, the file it is in, or a name for it that is explained."""
    text = banner(ark, URL, first)
    assert text.count(word) == count
    assert f"Bearer {bearer(first)}" in text
    assert ("arkbridge keys create NAME" in text) == (first is None)


def test_curl_is_ready_to_paste(ark: Config) -> None:
    """A shell reads the curl as one command with a body that is JSON."""
    text = curl(URL, usual_model(ark), KEY)
    words = shlex.split(text.replace("\\\n", ""))
    assert words[:2] == ["curl", f"{URL}/v1/videos"]
    body = json.loads(words[words.index("-d") + 1])
    assert (body["model"], body["resolution"], body["duration"]) == ("seedance-2.0-fast", "480p", 4)
    pasted = re.sub(r"^  ", "", banner(ark, URL, FirstKey(text=KEY)), flags=re.MULTILINE)
    assert text in pasted


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("http://0.0.0.0:8686", URL),
        ("http://[::]:8686", "http://[::1]:8686"),
        (URL, URL),
        ("http://10.0.0.5:80", "http://10.0.0.5:80"),
    ],
)
def test_addresses(url: str, called: str) -> None:
    """An address that means all interfaces is called by the loopback address."""
    assert callable_url(url) == called


def test_model_of_the_curl(tmp_path: Path) -> None:
    """Where the usual model is not known, the curl names one that is."""
    file = tmp_path / "c.toml"
    upstream = '[[upstream]]\nname = "u"\ndialect = "openai"\nbase_url = "http://h/v1"\n'
    file.write_text(upstream + '[[model]]\nname = "wan"\nupstream = "u"\nupstream_model = "w"', "utf-8")
    assert usual_model(load(file, {})) == "wan"
    file.write_text(upstream, "utf-8")
    assert usual_model(load(file, {})) == "seedance-2.0-fast"
