"""Serves connections: reads one request after another, records it and answers it in its dialect."""

import asyncio
from contextlib import suppress
from dataclasses import replace

from samplemind_cli.errors import UsageError
from samplemind_cli.mock.behaviour import Behaviour
from samplemind_cli.mock.control import control
from samplemind_cli.mock.delivery import Delivery
from samplemind_cli.mock.dialects import dialect_of
from samplemind_cli.mock.dialects.dialect import ApiError, Dialect, Document, Generated, RefusedRequest, Reply, encode
from samplemind_cli.mock.faults import Fault
from samplemind_cli.mock.http1 import BadRequest, ClientConnection, HttpRequest
from samplemind_cli.mock.model import answer
from samplemind_cli.mock.request_log import Log, Recorded

FAULT_HEADER = "x-mock-fault"


class MockService:
    """One mock's behaviour and log, shared by its connections."""

    def __init__(self, behaviour: Behaviour, log: Log) -> None:
        self.behaviour = behaviour
        self.log = log
        self._conversations: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a new connection, in a task of our own: asyncio would log each of its own that a stop cancels."""
        task = asyncio.create_task(self._converse(ClientConnection(reader, writer)))
        self._conversations.add(task)
        task.add_done_callback(self._conversations.discard)

    async def _converse(self, connection: ClientConnection) -> None:
        """Answer one request after another until the client disconnects or an answer ends the connection."""
        try:
            while request := await connection.request():
                if not await self._exchange(connection, request):
                    break
        except BadRequest as error:
            with suppress(OSError):
                await connection.send(error.status, {"Connection": "close"}, str(error).encode())
        except OSError:
            pass  # the client has disconnected, which the request's record shows
        finally:
            await connection.close()

    async def _exchange(self, connection: ClientConnection, request: HttpRequest) -> bool:
        """Answer, unless the client disconnects first; whether the connection is still usable."""
        if request.path.startswith("/_mock/"):
            status, body, self.behaviour = control(self.log, self.behaviour, request)
            await connection.send(status, {"Content-Type": "application/json"}, encode(body))
            return True
        dialect = dialect_of(request)
        record = self.log.opened(request, dialect.NAME)
        answering = asyncio.create_task(self._answer(connection, request, dialect, record))
        leaving = asyncio.create_task(connection.hung_up())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            record.hung_up = not answering.done()
            keep_alive = request.headers.get("connection", "").lower() != "close"
            return not record.hung_up and answering.result() and keep_alive
        except OSError:
            record.hung_up = True
            return False
        finally:
            self.log.closed(record)  # first: when the server stops, the wait below is cancelled
            answering.cancel()
            leaving.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)

    async def _answer(
        self, connection: ClientConnection, request: HttpRequest, dialect: Dialect, record: Recorded
    ) -> bool:
        """Send the answer or the fault; whether the connection is still usable."""
        delivery = Delivery(connection, dialect, self.behaviour, record)
        try:
            reply = dialect.reply(request, self.behaviour.models)
            fault = self._fault(request, dialect, reply) or Fault("")
            if isinstance(reply, Generated):
                reply = replace(reply, answer=answer(reply.request, self.behaviour.reply, fault.kind))
        except RefusedRequest as refused:
            return await delivery.refuse(refused.error)
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            # the dialects check required fields; an optional one of the wrong shape fails here
            return await delivery.refuse(ApiError(400, f"the request is malformed: {error!r}"))
        record.fault = fault.kind
        return await delivery.deliver(reply, fault)

    def _fault(self, request: HttpRequest, dialect: Dialect, reply: Reply) -> Fault | None:
        """The fault for a request to the model: the one in its header, or the first that matches."""
        if isinstance(reply, Document) and not reply.of_model:
            return None
        header = request.headers.get(FAULT_HEADER)
        if header is None:
            return self.behaviour.fault_for(dialect.NAME)
        try:
            return Fault.parse(header)
        except UsageError as error:
            raise RefusedRequest(400, f"{FAULT_HEADER}: {error.message}") from None
