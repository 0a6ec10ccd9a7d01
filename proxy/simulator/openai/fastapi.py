"""How servers built on FastAPI refuse: a `detail` that is a sentence, or a list of what is wrong with each field."""

from collections.abc import Mapping
from typing import TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from proxy.simulator.core import Core
from proxy.simulator.openai.body import Form
from proxy.simulator.openai.work import Handler, Refusal

Model = TypeVar("Model", bound=BaseModel)


def refused(status: int, text: str) -> Refusal:
    """`{"detail": text}` with this status, to be raised."""
    return Refusal(JSONResponse({"detail": text}, status))


def unprocessable(problems: list[dict[str, object]]) -> Refusal:
    """`{"detail": [...]}` with status 422, to be raised."""
    return Refusal(Response(orjson.dumps({"detail": problems}), 422, media_type="application/json"))


def checked(model: type[Model], values: Mapping[str, str], where: str) -> Model:
    """The values as the model's fields; refuses with one entry per wrong field, its place beginning with `where`.

    An empty text is an absent field, as FastAPI has it for forms.
    """
    try:
        return model.model_validate({name: text for name, text in values.items() if text})
    except ValidationError as error:
        raise unprocessable(
            [
                {**problem, "loc": [where, *problem["loc"]], "input": None if missing(problem) else problem["input"]}
                for problem in error.errors(include_url=False)
            ]
        ) from error


def missing(problem: Mapping[str, object]) -> bool:
    """Whether a field was absent: then there is no input to show."""
    return problem["type"] == "missing"


def only_files(form: Form, *names: str) -> None:
    """Refuse a text where an upload belongs."""
    for name in names:
        text = form.first(name)
        if text:
            raise unprocessable(
                [
                    {
                        "type": "value_error",
                        "loc": ["body", name],
                        "msg": "Value error, Expected UploadFile, received: <class 'str'>",
                        "input": text,
                        "ctx": {"error": {}},
                    }
                ]
            )


def fault(kind: str) -> Response:
    """The failures on demand: a busy server and a broken one."""
    if kind == "empty-404":
        return Response(status_code=404)
    if kind == "429":
        return JSONResponse({"detail": "Too many requests"}, 429, {"retry-after": "1"})
    return JSONResponse({"detail": "Internal Server Error"}, 500)


async def unknown(request: Request) -> Response:
    """The answer to a path that does not exist (it fell through to `path`), or to a method that it does not have."""
    if "path" in request.path_params:
        return JSONResponse({"detail": "Not Found"}, 404)
    return JSONResponse({"detail": "Method Not Allowed"}, 405)


def admitted(core: Core, handler: Handler) -> Handler:
    """The handler behind the server's one key, where it was started with one; else anybody may call."""
    wanted = core.settings.key

    async def endpoint(request: Request) -> Response:
        if wanted is not None and request.headers.get("authorization") != f"Bearer {wanted}":
            return JSONResponse({"error": "Unauthorized"}, 401)
        return await handler(request)

    return endpoint
