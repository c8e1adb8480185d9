"""Server of a fake Secrets Manager, Parameter Store and STS: moto behind AWS's rules, over HTTP.

::

    server = AwsServer()
    worker = server.user([{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}])
    client = server.client("secretsmanager", worker)
    server.fail("PutSecretValue", "ThrottlingException", times=2)
    server.interpose("UpdateSecretVersionStage", write_as_another_process)
    server.counts()   # {"GetSecretValue": 1, ...}
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server

from tests.fakes.aws_accounts import ALLOW_ALL, user_name
from tests.fakes.aws_app import AwsApp, AwsFault
from tests.fakes.aws_call import ACCOUNT, AwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.fakes.aws_accounts import Credentials
    from tests.fakes.aws_app import AwsRequest, When

__all__ = ["AwsServer"]

_SERVER_ERRORS = {"InternalServiceError", "InternalServerError", "InternalFailure", "ServiceUnavailable"}


class _Handler(MotoRequestHandler):
    """Handler with persistent connections, unbuffered answers and no log line for each request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing; errors are still logged."""


class AwsServer:
    """A running server, on a free port of the loopback interface."""

    region = "eu-west-1"
    account = ACCOUNT

    def __init__(self) -> None:
        self._app = AwsApp()
        self._own = self._app.accounts.add_user("the-test-itself", ALLOW_ALL)
        self._app.exempt = self._own.access_key_id
        self._clients: dict[str, Any] = {}
        self._server = make_server("127.0.0.1", 0, self._app, threaded=True, request_handler=_Handler)
        self.endpoint_url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="aws-server", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def reset(self) -> None:
        """Delete everything: secrets, parameters, keys, users, faults, requests."""
        self._app.reset()

    def user(self, policy: Sequence[Mapping[str, Any]] = ALLOW_ALL) -> Credentials:
        """Create a user with these statements of Effect, Action and Resource.

        :raises ValueError: if a statement has an element that is not modelled.
        """
        return self._app.accounts.add_user(user_name(), policy)

    def role(self, name: str, policy: Sequence[Mapping[str, Any]] = ALLOW_ALL) -> str:
        """Create a role, which a caller needs ``sts:AssumeRole`` to assume, and return its ARN."""
        return self._app.accounts.add_role(name, policy)

    def key(self, alias: str | None = None) -> str:
        """Create a customer-managed KMS key and return its ARN; without a key policy, the callers' policies decide."""
        return self._app.keys.add(self.region, alias)

    def disable_key(self, arn: str) -> None:
        """Disable a KMS key."""
        self._app.keys.disable(arn)

    def delete_slowly(self) -> None:
        """Delay forced deletions of secrets until :meth:`finish_deletions`, as AWS delays them."""
        self._app.moto.deletes_slowly = True

    def finish_deletions(self) -> None:
        """Delete the secrets as AWS's background process does."""
        self._app.moto.finish_deletions(self.region)

    def client(self, service: str, credentials: Credentials | None = None) -> Any:
        """Return a boto3 client that tries once.

        :param credentials: of a user; without them the client is the test's own: it may do everything, meets no fault
            and is not recorded.
        """
        import boto3
        from botocore.config import Config

        if credentials is None and service in self._clients:
            return self._clients[service]
        client = boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            config=Config(retries={"total_max_attempts": 1}),
            **(credentials or self._own).boto,
        )
        if credentials is None:
            self._clients[service] = client
        return client

    def environment(self, credentials: Credentials) -> dict[str, str]:
        """Return the environment in which boto3 of another process uses this server as that user."""
        return {
            "AWS_ACCESS_KEY_ID": credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def requests(self) -> list[AwsRequest]:
        """The requests of users, in the order of their answers."""
        return list(self._app.requests)

    def counts(self) -> dict[str, int]:
        """Return the number of users' requests by action."""
        return dict(Counter(request.action for request in self._app.requests))

    def fail(self, action: str, code: str, *, when: When = "before", times: int = 1, skip: int = 0) -> None:
        """Refuse the next requests for an action: 500 for the services' own errors, else 400."""
        error = AwsError(code, "injected", 500 if code in _SERVER_ERRORS else 400)
        self._app.faults.append(AwsFault(action, when, error=error, times=times, skip=skip))

    def drop(self, action: str, *, when: When, times: int = 1, skip: int = 0) -> None:
        """Close the connection of the next requests for an action, before or after they take effect."""
        self._app.faults.append(AwsFault(action, when, times=times, skip=skip))

    def interpose(
        self, action: str, act: Callable[[], object], *, when: When = "before", times: int = 1, skip: int = 0
    ) -> None:
        """Call a function right before or after the next request for an action takes effect, as another writer."""
        self._app.faults.append(AwsFault(action, when, act=act, times=times, skip=skip))
