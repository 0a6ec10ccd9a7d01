"""GET /api/v3/models: the rows that were captured, and one for each Seedance model (ark-wire.md §5.2).

The rows of the Seedance models hold only what is known of such rows; `kimi-k2-250905` was seen cut off.
"""

from datetime import datetime, timedelta, timezone

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from proxy.simulator.ark import models
from proxy.simulator.ark.desk import Desk
from proxy.simulator.shelf import Object

_SHANGHAI = timezone(timedelta(hours=8))
_SCENES = (
    (models.TEXT, "TextToVideo"),
    (models.FIRST, "ImageToVideo"),
    (models.OMNI, "MultimodalToVideo"),
)


def routes(desk: Desk) -> list[BaseRoute]:
    """The list of models; there is no route for one of them."""

    async def listed(request: Request) -> Response:
        desk.authenticate(request)
        return desk.answer({"object": "list", "data": [*rows()]})

    return [Route("/api/v3/models", desk.answering(listed), methods=["GET"])]


def rows() -> list[Object]:
    """The rows, as the service shows them."""
    return [_lite(), _kimi(), *(_video(name) for name in models.names())]


def _lite() -> Object:
    return {
        "id": "seed-2-0-lite-260428",
        "name": "seed-2-0-lite",
        "created": 1_778_162_292,
        "domain": "VLM",
        "task_type": ["TextGeneration", "VisualQuestionAnswering", "SpeechToText"],
        "modalities": {"input_modalities": ["text", "image", "video", "audio"], "output_modalities": ["text"]},
        "token_limits": {
            "context_window": 262_144,
            "max_output_token_length": 131_072,
            "max_reasoning_token_length": 131_072,
        },
        "features": {
            "structured_outputs": {"json_object": True, "json_schema": True},
            "tools": {"function_calling": True},
        },
    }


def _kimi() -> Object:
    return {
        "id": "kimi-k2-250905",
        "name": "kimi-k2",
        "created": 1_757_927_317,
        "status": "Shutdown",
        "domain": "LLM",
    }


def _video(model_id: str) -> Object:
    resolved = models.resolve(model_id)
    if resolved is None:
        raise ValueError(f"{model_id} is no model of the table")
    rules = resolved[1]
    name, _, date = model_id.rpartition("-")
    made = datetime.strptime(f"20{date}", "%Y%m%d").replace(tzinfo=_SHANGHAI)
    kinds: list[str] = [kind for scene, kind in _SCENES if scene in rules.scenes]
    return {
        "id": model_id,
        "name": name,
        "created": int(made.timestamp()),
        "task_type": [*kinds, *(["VideoEditing"] if rules.omni_types else [])],
    }
