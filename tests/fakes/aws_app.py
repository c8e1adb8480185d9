"""Application of the fake AWS: each request meets faults, authorisation, AWS's rules and moto, and is recorded."""

from __future__ import annotations

import re
import socket
import threading
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tests.fakes.aws_accounts import Accounts, CustomerKeys
from tests.fakes.aws_call import AwsError, Context, Reply, error_reply, parse_call
from tests.fakes.aws_moto import Moto
from tests.fakes.aws_parameters import PARAMETERS_RULES
from tests.fakes.aws_rights import needed_rights
from tests.fakes.aws_secrets import SECRETS_RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tests.fakes.aws_call import Call

__all__ = ["AwsApp", "AwsFault", "AwsRequest", "When"]

When = Literal["before", "after"]


@dataclass(slots=True)
class AwsFault:
    """A fault of the next matching requests.

    :param action: e.g. ``PutSecretValue``.
    :param when: before the effect, which then does not happen, or after it.
    :param error: the answer; without it and without ``act``, the connection is closed without an answer.
    :param act: called when the request arrives, which then continues: a write of another process in between.
    :param times: how many matching requests.
    :param skip: how many matching requests pass first.
    """

    action: str
    when: When
    error: AwsError | None = None
    act: Callable[[], object] | None = None
    times: int = 1
    skip: int = 0

    def strike(self) -> None:
        if self.act is not None:
            self.act()
        else:
            raise self.error or _DroppedError


@dataclass(frozen=True, slots=True)
class AwsRequest:
    """One request of a user.

    :param status: None if the connection was dropped.
    :param error: the code of a refusal.
    """

    service: str
    action: str
    body: Mapping[str, Any]
    access_key_id: str | None
    status: int | None
    error: str | None


class _DroppedError(Exception):
    """Close the connection without an answer."""


class AwsApp:
    """The WSGI application.

    :param exempt: the access key of the test itself, whose requests meet no fault and are not recorded.
    """

    def __init__(self) -> None:
        self.accounts = Accounts()
        self.keys = CustomerKeys()
        self.faults: list[AwsFault] = []
        self.requests: list[AwsRequest] = []
        self.moto = Moto()
        self.exempt = ""
        # Requests change state one at a time, like transactions.
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
            raise ConnectionAbortedError from None  # werkzeug then closes the connection silently
        except AwsError as refused:
            reply, error = error_reply(call, refused), refused.code
        self._record(call, reply.status, error)
        headers = {"Content-Length": str(len(reply.body)), "x-amzn-RequestId": str(uuid.uuid4())}
        start_response(f"{reply.status} -", [("Content-Type", reply.content_type), *headers.items()])
        return [reply.body]

    def reset(self) -> None:
        """Delete everything except the exempt access key."""
        with self._one_at_a_time:
            self.moto.reset()
            self.accounts.forget(self.exempt)
            self.keys.forget()
            self.faults.clear()
            self.requests.clear()

    def _reply(self, call: Call, environ: dict[str, Any], raw: bytes) -> Reply:
        fault = None if call.access_key_id == self.exempt else self._take_fault(call.action)
        if fault is not None and fault.when == "before":
            fault.strike()
        with self._one_at_a_time:
            reply = self._apply_rules(call, environ, raw)
        if fault is not None and fault.when == "after":
            fault.strike()
        return reply

    def _apply_rules(self, call: Call, environ: dict[str, Any], raw: bytes) -> Reply:
        caller = self.accounts.get_principal(call.access_key_id)
        for right in needed_rights(call, self.moto):
            caller.check(right.action, right.resource, shown=right.shown)
        rule = _RULES.get(call.service, {}).get(call.action)
        if rule is None:
            # An unknown action is an error: a wrong answer would be less strict than AWS's.
            raise AwsError("NotModelled", f"this server does not know {call.action} of {call.service}")
        return rule(Context(call, caller, self.accounts, self.keys, self.moto, environ, raw))

    def _take_fault(self, action: str) -> AwsFault | None:
        """Return the first fault of this request, and count the request for faults that skip it."""
        with self._one_at_a_time:
            taken: AwsFault | None = None
            for fault in self.faults:
                if fault.action == action and fault.skip:
                    fault.skip -= 1
                elif fault.action == action and taken is None:
                    taken = fault
                    fault.times -= 1
            self.faults = [fault for fault in self.faults if fault.times > 0]
            return taken

    def _record(self, call: Call, status: int | None, error: str | None) -> None:
        if call.access_key_id != self.exempt:
            self.requests.append(AwsRequest(call.service, call.action, call.body, call.access_key_id, status, error))


def _assume_role(context: Context) -> Reply:
    role = context.body["RoleArn"]
    context.caller.check("sts:AssumeRole", role, code="AccessDenied")
    if not context.accounts.has_role(role):
        who = context.caller.arn
        raise AwsError("AccessDenied", f"User: {who} is not authorized to perform: sts:AssumeRole on resource: {role}")
    reply = context.ask_moto()
    found = re.search(rb"<AccessKeyId>([^<]+)</AccessKeyId>", reply.body)
    assert found, f"moto's answer to AssumeRole has no access key: {reply.status}"
    context.accounts.add_session(role, context.body["RoleSessionName"], found[1].decode())
    return reply


_BY_MOTO_ALONE = {
    "secretsmanager": ("ListSecrets", "ListSecretVersionIds", "RestoreSecret"),
    "ssm": (
        "DeleteParameter",
        "DeleteParameters",
        "DescribeParameters",
        "LabelParameterVersion",
        "UnlabelParameterVersion",
    ),
}
_RULES: Mapping[str, Mapping[str, Callable[[Context], Reply]]] = {
    "secretsmanager": {**dict.fromkeys(_BY_MOTO_ALONE["secretsmanager"], Context.ask_moto), **SECRETS_RULES},
    "ssm": {**dict.fromkeys(_BY_MOTO_ALONE["ssm"], Context.ask_moto), **PARAMETERS_RULES},
    "sts": {"AssumeRole": _assume_role},
}
