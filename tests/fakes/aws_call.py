"""Requests to the fake AWS, their answers, and the context of a rule."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fakes.aws_accounts import Accounts, CustomerKeys, Principal
    from tests.fakes.aws_moto import Moto

__all__ = ["ACCOUNT", "AwsError", "Call", "Context", "Reply", "error_reply", "json_reply", "parse_call"]

ACCOUNT = "123456789012"  # moto's default
_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")


class AwsError(Exception):
    """A refusal of the service.

    :param code: e.g. ``ResourceNotFoundException``.
    :param message: AWS's own, where it is known.
    :param status: of the HTTP answer.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    :param service: as it is signed for: ``secretsmanager``, ``ssm``, ``sts``.
    :param action: e.g. ``GetSecretValue``.
    :param body: the parsed parameters.
    :param access_key_id: None if the request is not signed.
    :param region: as it is signed for.
    """

    service: str
    action: str
    body: Mapping[str, Any]
    access_key_id: str | None
    region: str


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    status: int
    body: bytes
    content_type: str = "application/x-amz-json-1.1"

    @property
    def json(self) -> dict[str, Any]:
        """The parsed body."""
        parsed: dict[str, Any] = json.loads(self.body or b"{}")
        return parsed


@dataclass(frozen=True, slots=True)
class Context:
    """One request at the point where it is authorised."""

    call: Call
    caller: Principal
    accounts: Accounts
    keys: CustomerKeys
    moto: Moto
    environ: Mapping[str, Any]
    raw: bytes

    @property
    def body(self) -> Mapping[str, Any]:
        """The parameters of the request."""
        return self.call.body

    def ask_moto(self, body: Mapping[str, Any] | None = None) -> Reply:
        """Send the request to moto, with other parameters if given."""
        return self.moto.answer(self.environ, self.raw if body is None else body)


def parse_call(environ: Mapping[str, Any], body: bytes) -> Call:
    """Read a request: JSON with ``X-Amz-Target``, or a form with ``Action`` (STS)."""
    signed = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    key, region, service = signed.groups() if signed else (None, "", "")
    target: str = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return Call(service, target.rpartition(".")[2], json.loads(body or b"{}"), key, region)
    form = dict(parse_qsl(body.decode()))
    return Call(service, form.pop("Action", ""), form, key, region)


def json_reply(content: Mapping[str, Any]) -> Reply:
    """Return a successful answer of a JSON service."""
    return Reply(200, json.dumps(content).encode())


def error_reply(call: Call, error: AwsError) -> Reply:
    """Return a refusal in the format of the service that was called."""
    if call.service != "sts":
        return Reply(error.status, json.dumps({"__type": error.code, "message": error.message}).encode())
    return Reply(
        403 if error.code == "AccessDenied" else error.status,
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
        f"</Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>".encode(),
        "text/xml",
    )
