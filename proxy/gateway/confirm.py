"""What an upstream tells us by callback: a hint to read the task, never believed by itself (Ark signs nothing, ark-wire.md §3.4)."""

import hmac

from proxy.errors import Problem, Refusal, TransportError, UnreadableAnswer, UpstreamRefusal
from proxy.gateway.call import Answer, Call
from proxy.gateway.reader import NoQuotaError, Reader
from proxy.gateway.services import Services
from proxy.model import TaskRecord
from proxy.signing import Purpose, Signer

PATH = "/callbacks/"


def address(public_url: str, task_key: str, signer: Signer) -> str | None:
    """Where the upstream is to call for this task: unguessable, and of no use for any other; None if nobody can reach us."""
    return f"{public_url}{PATH}{task_key}.{_proof(task_key, signer)}" if public_url else None


def _proof(task_key: str, signer: Signer) -> str:
    return signer.key(Purpose.CALLBACK, task_key).hex()


class Confirmations:
    """Takes upstreams' callbacks. The answer is immediate, because Ark waits 5 s at most; the read follows."""

    def __init__(self, services: Services, reader: Reader) -> None:
        self._services = services
        self._reader = reader

    async def receive(self, call: Call) -> Answer:
        """Confirm, then read the task upstream; a wrong token is the same 404 as an unknown path."""
        task_key, _, proof = call.params["token"].partition(".")
        record = None
        if hmac.compare_digest(_proof(task_key, self._services.signer).encode(), proof.encode("utf-8", "replace")):
            record = await self._services.store.task_by_key(task_key)
        if record is None:
            raise Refusal(Problem.UNKNOWN_PATH, "There is nothing here.")
        call.task_id, call.upstream = record.id, record.upstream
        if record.id is not None and (record.assumed or not record.settled):
            self._services.supervisor.run(self._check(record))
        return Answer(body=b"{}")

    async def _check(self, record: TaskRecord) -> None:
        try:
            await self._reader.look(record)
        except (NoQuotaError, TransportError, UnreadableAnswer, UpstreamRefusal) as trouble:
            self._services.events.event(
                "warning", "a callback could not be checked", task=record.id, reason=str(trouble)
            )
