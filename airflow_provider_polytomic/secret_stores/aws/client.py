"""Client for AWS: one boto3 client for all threads, without the logs of its libraries, with this package's errors."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from botocore.config import Config
from botocore.exceptions import ClientError

from airflow_provider_polytomic._support.library_logs import suppress_library_logs
from airflow_provider_polytomic._support.threads import MAX_THREADS
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError, SecretStoreError
from airflow_provider_polytomic.secret_stores.aws.errors import (
    BOTO_ERRORS,
    ExpectedCodeError,
    explain,
    get_error_code,
)
from airflow_provider_polytomic.secret_stores.backend_reader import StubClient
from airflow_provider_polytomic.secret_stores.identity import normalise_url

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from airflow_provider_polytomic.secret_stores.destination import Destination
    from airflow_provider_polytomic.secret_stores.factory import ClientCache

__all__ = ["LONG_KEY", "AwsClient", "get_client", "make_stub"]

T = TypeVar("T")

# Longer than any expected key: checks use it to find out whether a key fits.
LONG_KEY = ApiKey("k" * 128)
_CONN_TYPE = "aws"
# Boto does not make clients safely from several threads, and a backend may make one for each of the first threads.
_MAKING = threading.Lock()
# An interface endpoint of a VPC leads to the same secrets as the public one, so neither is part of a place.
_AWS_HOSTS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".api.amazonwebservices.com.cn")


class AwsClient:
    """An AWS service, asked about one secret.

    :param client: of boto3.
    :param what: the secret, for messages.
    :param service: its name, for messages.
    """

    def __init__(self, client: Any, what: str, service: str) -> None:
        self._client = client
        region, endpoint = _locate(client)
        self.place = f"{what} in {service}, {region}{f' ({endpoint})' if endpoint else ''}"
        self.location = region, endpoint
        """The region, and the endpoint if it is not AWS itself."""

    def call(self, operation: str, parameters: Mapping[str, Any], *, expected: Collection[str] = ()) -> dict[str, Any]:
        """Send a request.

        :param operation: as boto3 names it: ``get_secret_value``.
        :param expected: the error codes that are answers rather than errors.
        :raises ExpectedCodeError: if AWS answers with one of these.
        :raises SecretStoreDeniedError: if a right is missing, for the secret or its KMS key, or the credentials are
            invalid.
        :raises SecretStoreConfigurationError: if AWS rejects the request as such, or it could not be sent.
        :raises SecretStoreUnavailableError: if no response settled the outcome.
        """
        with self.translate(expected=expected, sent=parameters):
            answer: dict[str, Any] = getattr(self._client, operation)(**parameters)
            return answer

    @contextmanager
    def translate(self, *, expected: Collection[str] = (), sent: Mapping[str, Any] | None = None) -> Iterator[None]:
        """Translate the errors of code that sends requests, such as a secrets backend, as :meth:`call` does."""
        with suppress_library_logs():
            try:
                yield
            except ClientError as error:
                code = get_error_code(error)
                if code in expected:
                    raise ExpectedCodeError(code) from None
                raise explain(error, self.place, sent=sent) from None
            except BOTO_ERRORS as error:
                raise explain(error, self.place) from None

    def __repr__(self) -> str:
        """Show no credentials."""
        return f"AwsClient({self.place!r})"


def get_client(destination: Destination, service: str, title: str, *, backend: Any | None, clients: ClientCache) -> Any:
    """Return the boto3 client that writes a destination: of the connection that it names, else the backend's own.

    :param service: as boto3 names it.
    :param title: its name for people.
    :raises SecretStoreDeniedError: if a role may not be assumed.
    :raises SecretStoreConfigurationError: if the connection does not exist, no client can be made, or the client would
        write where the backend does not read.
    """
    own = None if backend is None else _get_own_client(backend, title)
    if destination.conn_id is None:
        return own
    make = partial(_make_from_connection, destination.conn_id, service)
    client = clients.get(destination.conn_id, title, lambda: _make(make, title))
    if own is not None and own.meta.region_name != client.meta.region_name:
        raise SecretStoreConfigurationError(
            f"{destination.kind} {destination.name} would be written in {client.meta.region_name}, but the secrets "
            f"backend reads in {own.meta.region_name}. No request was sent. Correct the region of the connection "
            f"{destination.conn_id!r}.",
            reason="another_region",
            fields=["region_name"],
        )
    return client


def make_stub(client: Any, operation: str, argument: str, missing: str, answer: Callable[[Any], Any]) -> StubClient:
    """Return the stub that replaces this client in a copy of a backend.

    :param missing: the name of the client's exception for a secret that does not exist.
    """

    def answer_or_raise(content: Any) -> Any:
        if content is None:
            raise getattr(client.exceptions, missing)({"Error": {"Code": missing}}, operation)
        return answer(content)

    return StubClient("client", operation, argument, answer_or_raise, client.exceptions)


def _make_from_connection(conn_id: str, service: str) -> Any:
    # For a connection that does not exist, the hook takes whatever credentials the machine has.
    conn_type = AwsBaseHook.get_connection(conn_id).conn_type
    if conn_type not in {None, "", _CONN_TYPE}:
        raise SecretStoreConfigurationError(
            f"The connection {conn_id!r} is of type {conn_type!r:.40}, not {_CONN_TYPE!r}; its password is not "
            f"sent to AWS. No request was sent. Name a connection of type {_CONN_TYPE!r}.",
            reason="connection_type",
            fields=["conn_type"],
        )
    hook: Any = AwsBaseHook(aws_conn_id=conn_id, client_type=service)
    size = max(MAX_THREADS, hook.config.max_pool_connections)
    return hook.get_client_type(
        region_name=hook.region_name, config=hook.config.merge(Config(max_pool_connections=size))
    )


def _get_own_client(backend: Any, title: str) -> Any:
    error_type: str | None = None
    try:
        return _make(lambda: backend.client, title)
    except SecretStoreError:
        raise
    except Exception as error:  # noqa: BLE001 (a backend raises anything, and may quote its arguments)
        error_type = type(error).__name__
    raise SecretStoreConfigurationError(
        f"The secrets backend has no client for {title} ({error_type}). No request was sent. Correct its kwargs.",
        reason="backend_has_no_client",
        fields=["backend_kwargs"],
    )


def _make(make: Callable[[], T], title: str) -> T:
    """Make a client, or get the existing one; this may send requests, to assume a role."""
    with _MAKING, suppress_library_logs():
        try:
            return make()
        except BOTO_ERRORS as error:
            problem = explain(error, f"No client for {title}")
    raise problem


def _locate(client: Any) -> tuple[str, str]:
    """Return region and, if it is not AWS itself, the endpoint."""
    url, region = client.meta.endpoint_url, str(client.meta.region_name)
    return region, "" if (urlsplit(url).hostname or "").endswith(_AWS_HOSTS) else normalise_url(url)
