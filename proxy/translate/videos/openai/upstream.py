"""What all OpenAI-like upstreams have in common: routes and answers. How a create is said differs by profile."""

from collections.abc import Mapping
from urllib.parse import quote

from proxy.errors import Problem, Refusal
from proxy.model import TaskRecord
from proxy.translate.videos import ChangeRequest, Outgoing, Sighting, Target
from proxy.translate.videos.openai import answers
from proxy.translate.wire import WireRequest, WireResponse

VIDEOS = "/videos"
_LARGEST_PAGE = 100


class OpenAIUpstream:
    """Routes below /v1, and the tolerant reader of their answers (openai-wire.md §1.1, §2.10)."""

    has_links = False
    has_list = True
    filters_list = False
    has_delete = True
    cancels_running = False

    def encode_change(self, request: ChangeRequest, source: TaskRecord, link: str | None, target: Target) -> Outgoing:
        """Most servers have none of these routes (openai-wire.md §2.1 to §2.3)."""
        raise Refusal(
            Problem.UNSUPPORTED_OPERATION,
            f"The upstream {source.upstream} of this video has no {request.change.value} route.",
        )

    def decode_created(self, response: WireResponse) -> Sighting:
        """The 2xx answer to a create; `UnreadableAnswer` if it has no id."""
        return answers.created(response)

    def encode_read(self, task_id: str) -> WireRequest:
        """Read one task."""
        return WireRequest(method="GET", path=path_of(task_id))

    def decode_task(self, response: WireResponse) -> Sighting:
        """The 2xx answer to a read."""
        return answers.task(response)

    def encode_list(self, query: Mapping[str, str | tuple[str, ...]]) -> WireRequest | None:
        """The newest tasks, as many as `page_size` says and a page can hold; Ark's other filters have no counterpart here."""
        size = query.get("page_size", "")
        wanted = int(size) if isinstance(size, str) and size.isascii() and size.isdigit() and len(size) < 10 else 0
        limit = (("limit", str(min(wanted, _LARGEST_PAGE))),) if wanted else ()
        return WireRequest(method="GET", path=VIDEOS, query=limit)

    def decode_list(self, response: WireResponse) -> tuple[Sighting, ...]:
        """The 2xx answer to a list."""
        return answers.listed(response)

    def encode_delete(self, task_id: str) -> WireRequest:
        """Delete one task."""
        return WireRequest(method="DELETE", path=path_of(task_id))

    def encode_content(self, task_id: str) -> WireRequest | None:
        """The result's bytes, with the upstream's key."""
        return WireRequest(method="GET", path=path_of(task_id) + "/content")


def path_of(task_id: str) -> str:
    """Below the base URL, the id made safe for a path."""
    return f"{VIDEOS}/{quote(task_id, safe='')}"
