"""The gateway: one method per kind of operation behind one door."""

from proxy.errors import Problem, Refusal
from proxy.gateway.call import Answer, Call
from proxy.gateway.calls import Calls
from proxy.gateway.confirm import Confirmations
from proxy.gateway.content import Content
from proxy.gateway.files import Files
from proxy.gateway.reader import Reader
from proxy.gateway.services import Services
from proxy.gateway.tasks import Tasks
from proxy.gateway.uploads import Uploads
from proxy.translate.operation import Kind


class Gateway:
    """Carries every operation by its kind."""

    def __init__(self, services: Services) -> None:
        self.reader = Reader(services)
        self.tasks = Tasks(services, self.reader)
        self.content = Content(services, self.reader, self.tasks)
        self.confirmations = Confirmations(services, self.reader)
        self.calls = Calls(services)
        self.uploads = Uploads(services)
        self.files = Files(services)
        self._methods = {
            Kind.UNARY: self.calls.carry,
            Kind.STREAM: self.calls.carry,
            Kind.CREATE_TASK: self.tasks.create,
            Kind.READ_TASK: self.tasks.read,
            Kind.LIST_TASKS: self.tasks.list,
            Kind.CANCEL_TASK: self.tasks.delete,
            Kind.CONTENT: self.content.send,
            Kind.UPLOAD: self.uploads.create,
            Kind.LIST_OBJECTS: self.files.list,
            Kind.DOWNLOAD: self.files.content,
        }

    async def handle(self, call: Call) -> Answer:
        """The answer to a call; raises `Refusal` for every other outcome."""
        method = self._methods.get(call.operation.kind)
        if method is None:
            raise Refusal(Problem.NOT_SERVED, f"{call.operation.name} is not served yet.")
        return await method(call)
