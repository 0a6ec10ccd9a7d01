"""What must reach an upstream, field by field, in its own documents' words (openai-wire.md §5.1 and §5.4)."""

from typing import Any

from tests.support.stand import Cell


def plain(cell: Cell) -> dict[str, Any]:
    """A 4-second 1280x720 video of a prompt, as each upstream is asked for it."""
    model, prompt = cell.upstream_model, cell.prompt
    size = {"size": "1280x720"}
    by_upstream: dict[str, dict[str, Any]] = {
        "ark": {
            "model": model,
            "content": [{"type": "text", "text": prompt}],
            "duration": 4,
            "resolution": "720p",
            "ratio": "16:9",
        },
        "strict": {"model": model, "prompt": prompt, "seconds": "4", **size},
        "newapi": {
            "model": model,
            "prompt": prompt,
            "seconds": "4",
            "metadata": {"duration": 4, "resolution": "720p", "ratio": "16:9"},
            # An OpenAI caller's own size goes on: new-api's other channels read it, the one to Ark does not.
            **({} if cell.speaks_ark else size),
        },
        "vllm-omni": {"model": model, "prompt": prompt, "seconds": "4", **size},
        "sglang": {"model": model, "prompt": prompt, "seconds": 4, **size},
    }
    return by_upstream[cell.upstream]
