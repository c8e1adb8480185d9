"""moto in this process: requests reach it over WSGI, rules read and correct its objects."""

from __future__ import annotations

import io
import json
import time
from typing import TYPE_CHECKING, Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.secretsmanager.models import secretsmanager_backends
from moto.ssm.exceptions import ParameterVersionNotFound
from moto.ssm.models import ssm_backends
from moto.sts.models import sts_backends

from tests.fakes.aws_call import ACCOUNT, AwsError, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Moto", "is_being_deleted"]


def is_being_deleted(secret: Any) -> bool:
    """Whether a secret's deletion is due: that of a forced deletion, as others have a recovery window."""
    return secret.is_deleted() and bool(secret.deleted_date <= time.time())


class Moto:
    """moto's services."""

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self.deletes_slowly = False

    def answer(self, environ: Mapping[str, Any], body: bytes | Mapping[str, Any]) -> Reply:
        """Send a request to moto.

        :param body: replaces the body that was received.
        :raises AwsError: if moto refuses; with 400, AWS's status where moto answers 404.
        """
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        started: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            started.update(status=int(status.split(maxsplit=1)[0]), headers=dict(headers))

        asked = {**environ, "wsgi.input": io.BytesIO(sent), "CONTENT_LENGTH": str(len(sent))}
        content = b"".join(self._app(asked, start_response))
        reply = Reply(started["status"], content, started["headers"].get("Content-Type", "application/x-amz-json-1.1"))
        if reply.status >= 400 and "json" in reply.content_type:
            refusal = reply.json
            raise AwsError(refusal["__type"].rpartition("#")[2], refusal.get("message") or refusal.get("Message", ""))
        return reply

    def secret(self, region: str, secret_id: str) -> Any:
        """Return the secret of this name or ARN; None if it does not exist."""
        return secretsmanager_backends[ACCOUNT][region].secrets.get(secret_id)

    def parameter(self, region: str, name: str) -> Any:
        """Return a parameter's current version, or the version that the name selects; None if it does not exist."""
        try:
            return ssm_backends[ACCOUNT][region].get_parameter(name)
        except ParameterVersionNotFound:
            return None

    def finish_deletions(self, region: str) -> None:
        """Delete the secrets whose deletion is due."""
        secrets = secretsmanager_backends[ACCOUNT][region].secrets
        for secret in list(secrets.values()):
            if is_being_deleted(secret):
                secrets.pop(secret.name)

    def reset(self) -> None:
        """Delete everything."""
        self.deletes_slowly = False
        secretsmanager_backends.reset()
        ssm_backends.reset()
        sts_backends.reset()
