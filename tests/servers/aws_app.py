"""How does a request go through? Recorded, met by a fault, authorised, judged by AWS's rules, done by moto."""

from __future__ import annotations

import socket
import threading
import uuid
from typing import TYPE_CHECKING, Any

from tests.servers.aws_accounts import Accounts
from tests.servers.aws_call import AwsError, Reply, error_reply, parse_call
from tests.servers.aws_context import Context
from tests.servers.aws_faults import AwsFaults, AwsLog, AwsRequest
from tests.servers.aws_keys import CustomerKeys
from tests.servers.aws_moto import Moto
from tests.servers.aws_parameters import PARAMETERS_RULES
from tests.servers.aws_rights import needed_rights
from tests.servers.aws_secrets import SECRETS_RULES
from tests.servers.aws_sts import STS_RULES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.servers.aws_call import Call
    from tests.servers.aws_faults import AwsFault

__all__ = ["AwsApp"]

_RULES = {"secretsmanager": SECRETS_RULES, "ssm": PARAMETERS_RULES, "sts": STS_RULES}


class _DroppedError(Exception):
    """The connection is to be closed without an answer."""


class AwsApp:
    """The WSGI application.

    :param exempt: the access key whose requests meet no fault and are not recorded: the test's own.
    """

    def __init__(self) -> None:
        self.accounts = Accounts()
        self.keys = CustomerKeys()
        self.faults = AwsFaults()
        self.log = AwsLog()
        self.moto = Moto()
        self.exempt = ""
        # One request at a time changes anything, as a transaction does.
        self._one_at_a_time = threading.RLock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        raw: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        call = parse_call(environ, raw)
        error: str | None = None
        try:
            reply = self._reply(call, environ, raw)
        except _DroppedError:
            self._record(call, None, None)
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError from None  # werkzeug ends the connection without a word
        except AwsError as refused:
            reply, error = error_reply(call, refused), refused.code
        self._record(call, reply.status, error)
        headers = {"Content-Length": str(len(reply.body)), "x-amzn-RequestId": str(uuid.uuid4())}
        start_response(f"{reply.status} -", [("Content-Type", reply.content_type), *headers.items()])
        return [reply.body]

    def reset(self) -> None:
        """Forget everything but the exempt access key."""
        with self._one_at_a_time:
            self.moto.reset()
            self.accounts.forget(self.exempt)
            self.keys.forget()
            self.faults.clear()
            self.log.clear()

    def _reply(self, call: Call, environ: dict[str, Any], raw: bytes) -> Reply:
        fault = None if call.access_key_id == self.exempt else self.faults.take(call.action)
        if fault is not None and fault.when == "before":
            _strike(fault)
        with self._one_at_a_time:
            reply = self._judged(call, environ, raw)
        if fault is not None and fault.when == "after":
            _strike(fault)
        return reply

    def _judged(self, call: Call, environ: dict[str, Any], raw: bytes) -> Reply:
        caller = self.accounts.principal(call.access_key_id)
        for right in needed_rights(call, self.moto):
            caller.check(right.action, right.resource, shown=right.shown)
        context = Context(call, caller, self.accounts, self.keys, self.moto, environ, raw)
        rule = _RULES.get(call.service, {}).get(call.action)
        return context.ask_moto() if rule is None else rule(context)

    def _record(self, call: Call, status: int | None, error: str | None) -> None:
        if call.access_key_id != self.exempt:
            self.log.add(AwsRequest(call.service, call.action, call.body, call.access_key_id, status, error))


def _strike(fault: AwsFault) -> None:
    if fault.act is not None:
        fault.act()
    elif fault.error is not None:
        raise fault.error
    else:
        raise _DroppedError
