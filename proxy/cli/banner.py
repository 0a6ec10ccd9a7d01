"""What a starting gateway prints: where to point the SDKs, the first key, and a curl that makes a video. Pure texts."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from proxy import __version__
from proxy.config import Config

EVERYWHERE: Mapping[str, str] = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # addresses to listen on, and to call instead
USUAL_MODEL = "seedance-2.0-fast"

SIMULATED = """\
*** SIMULATOR ***  No ARK_API_KEY is set and no [[upstream]] is configured: the built-in simulator plays the upstream.
                   Nothing is real and nothing costs. For real videos: ARK_API_KEY=… arkbridge serve
"""


@dataclass(frozen=True, slots=True)
class FirstKey:
    """The key of the first start: itself, on a terminal, or the file it was written to."""

    text: str | None = None
    file: Path | None = None


def banner(config: Config, url: str, first: FirstKey | None) -> str:
    """Everything but the `ready` line. `url` is where the gateway listens; `first` is None from the second start on."""
    base = callable_url(url)
    parts = [f"arkbridge {__version__}\n", _bases(base), _upstreams(config)]
    if first and first.text:
        parts.append(f'The first key (caller "default"), shown this once:\n\n  {first.text}\n')
    elif first and first.file:
        parts.append(f'The first key (caller "default") is in {first.file}\n')
    if not first:
        parts.append("ARKBRIDGE_KEY below stands for one of your keys (`arkbridge keys create NAME` makes one).\n")
    parts.append("Make a video:\n\n" + indented(curl(base, usual_model(config), bearer(first))))
    return "\n".join(parts)


def callable_url(url: str) -> str:
    """The gateway's address as this machine calls it."""
    parts = urlsplit(url)
    host = EVERYWHERE.get(parts.hostname or "")
    return f"{parts.scheme}://{host}:{parts.port}" if host else url


def usual_model(config: Config) -> str:
    """The model of the printed curl: one that this configuration knows."""
    return USUAL_MODEL if USUAL_MODEL in config.models else next(iter(config.models), USUAL_MODEL)


def bearer(first: FirstKey | None) -> str:
    """What stands for the key in the printed curl, so that pasting it works where that is possible."""
    if first and first.text:
        return first.text
    return f"$(cat {shlex.quote(str(first.file))})" if first and first.file else "$ARKBRIDGE_KEY"


def curl(base: str, model: str, key: str) -> str:
    """A curl that makes a video, ready to paste."""
    body = {
        "model": model,
        "content": [{"type": "text", "text": "一只橘猫在草地上奔跑"}],
        "resolution": "480p",
        "duration": 4,
    }
    return " \\\n".join(
        [
            f"curl {base}/v1/videos",
            f'  -H "Authorization: Bearer {key}"',
            '  -H "Content-Type: application/json"',
            f"  -d {shlex.quote(json.dumps(body, ensure_ascii=False))}",
        ]
    )


def indented(text: str) -> str:
    """The text two columns to the right."""
    return "".join(f"  {line}\n" for line in text.splitlines())


def _bases(base: str) -> str:
    return f"  OpenAI SDKs  base URL {base}/v1\n  Ark SDKs     base URL {base}/api/v3\n"


def _upstreams(config: Config) -> str:
    if config.simulate:
        return SIMULATED
    return "".join(f"  upstream {one.name}: {one.base_url}\n" for one in config.upstreams if not one.retired)
