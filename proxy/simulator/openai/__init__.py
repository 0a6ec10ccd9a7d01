"""The OpenAI-like dialects of the simulator: the strict API, new-api, vLLM-Omni and SGLang.

Written from openai-wire.md §1 to §3 and the ways of the servers themselves; it shares nothing with the gateway's
translation. A URL in a request is never fetched. `settings.dialect` tells which server is played.
"""

from starlette.routing import BaseRoute

from proxy.simulator.core import Core
from proxy.simulator.openai import newapi, sglang, strict, vllm_omni


def routes(core: Core) -> list[BaseRoute]:
    """The routes of the server that the settings' dialect names; a name may go on after it (`newapi-rc30`)."""
    table = {"newapi": newapi.routes, "vllm-omni": vllm_omni.routes, "sglang": sglang.routes}
    for name, made in table.items():
        if core.settings.dialect.startswith(name):
            return made(core)
    return strict.routes(core)
