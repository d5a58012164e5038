"""The conversation on one connection: request after request, recorded, answered in the caller's dialect."""

import asyncio
from types import ModuleType

from samplemind_cli.errors import UsageError
from samplemind_cli.mock.behaviour import Behaviour
from samplemind_cli.mock.control import control
from samplemind_cli.mock.delivery import Delivery
from samplemind_cli.mock.dialects import dialect_of
from samplemind_cli.mock.dialects.speech import Document, Refused, Reply, dumped
from samplemind_cli.mock.faults import Fault
from samplemind_cli.mock.http1 import BadRequest, Connection, Request
from samplemind_cli.mock.record import Log, Recorded

FAULT_HEADER = "x-mock-fault"


class Service:
    """One mock's behaviour and log, shared by its connections."""

    def __init__(self, behaviour: Behaviour, log: Log) -> None:
        self.behaviour = behaviour
        self.log = log

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after another until the client leaves or an answer ends the connection."""
        connection = Connection(reader, writer)
        try:
            while request := await connection.request():
                if not await self._exchange(connection, request):
                    break
        except BadRequest as error:
            await connection.send(error.status, {"Connection": "close"}, str(error).encode())
        except (OSError, asyncio.CancelledError):
            pass  # the client has gone, or the server stops: nobody is left to be told
        finally:
            await connection.close()

    async def _exchange(self, connection: Connection, request: Request) -> bool:
        """Answer, unless the client leaves first; whether the connection can go on."""
        if request.path.startswith("/_mock/"):
            status, body = control(self, request)
            await connection.send(status, {"Content-Type": "application/json"}, dumped(body))
            return True
        dialect = dialect_of(request)
        record = self.log.opened(request, dialect.NAME)
        answering = asyncio.create_task(self._answer(connection, request, dialect, record))
        leaving = asyncio.create_task(connection.hung_up())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            record.hung_up = not answering.done()
            return not record.hung_up and answering.result() and request.headers.get("connection") != "close"
        except OSError:
            record.hung_up = True
            return False
        finally:
            answering.cancel()
            leaving.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)
            self.log.closed(record)

    async def _answer(self, connection: Connection, request: Request, dialect: ModuleType, record: Recorded) -> bool:
        """Send the answer or the fault; whether the connection is still whole after it."""
        delivery = Delivery(connection, dialect, self.behaviour, record)
        try:
            reply = self._understood(request, dialect)
            fault = self._fault(request, dialect, reply)
        except Refused as refused:
            return await delivery.refuse(refused.trouble)
        record.fault = fault.kind if fault else ""
        return await delivery.deliver(reply, fault or Fault(""))

    def _understood(self, request: Request, dialect: ModuleType) -> Reply:
        try:
            return dialect.reply(request, self.behaviour.models)  # type: ignore[no-any-return]  # a module is untyped
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            # the dialects check what is required; what is optional and of the wrong shape shows here
            raise Refused(400, f"the request is malformed: {error!r}") from error

    def _fault(self, request: Request, dialect: ModuleType, reply: Reply) -> Fault | None:
        """The fault for a request that asks the model: its own wish, or whichever takes it."""
        if isinstance(reply, Document) and not reply.of_model:
            return None
        wanted = request.headers.get(FAULT_HEADER)
        if wanted is None:
            return self.behaviour.fault_for(dialect.NAME)
        try:
            return Fault.parse(wanted)
        except UsageError as error:
            raise Refused(400, f"{FAULT_HEADER}: {error.message}") from None
