"""How does a key get into AWS Parameter Store? As a SecureString, read again right before it is replaced.

The service has no compare-and-set for a parameter that exists, so who wrote in between is overwritten, and named in the
log by the number of the version, which can be restored. The record is a parameter of its own beside it.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import ConflictError, MisconfiguredError, SecretStoreError
from airflow_provider_polytomic.secret_stores.aws_client import LONG_KEY, AwsClient, client_for
from airflow_provider_polytomic.secret_stores.aws_parameters import SECURE, Parameter
from airflow_provider_polytomic.secret_stores.backends import BackendReader, first_that_holds
from airflow_provider_polytomic.secret_stores.base import Content, Held
from airflow_provider_polytomic.secret_stores.documents import ABSENT, as_record, version_of
from airflow_provider_polytomic.secret_stores.forms import ConnectionForm, JsonText, TextForm
from airflow_provider_polytomic.secret_stores.naming import identity_of
from airflow_provider_polytomic.secret_stores.registry import RECORD_SUFFIX
from airflow_provider_polytomic.secret_stores.sealing import sealed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic.api_key import ApiKey
    from airflow_provider_polytomic.secret_stores.backends import Answers
    from airflow_provider_polytomic.secret_stores.destination import Destination
    from airflow_provider_polytomic.secret_stores.forms import Form
    from airflow_provider_polytomic.secret_stores.opening import Clients

__all__ = ["ParameterStore", "on_backend", "on_connection"]

log = logging.getLogger(__name__)

_SERVICE, _TITLE = "ssm", "AWS Parameter Store"
_IN_CLEAR = {"Type": "String"}
# PutParameter's documentation; of the 1011 characters, the ARN takes its part, and the suffix of the record.
_NAME = re.compile(r"/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_LONGEST, _MOST_LEVELS = 900, 15


class ParameterStore:
    """One parameter.

    :param aws: the service.
    :param name: of the parameter.
    :param form: how the key is in its value.
    :param reader: how Airflow reads it; None outside Airflow.
    """

    compare_and_set = False

    def __init__(self, aws: AwsClient, name: str, form: Form, reader: BackendReader | None) -> None:
        self._aws, self._form, self._reader = aws, form, reader
        self._parameter, self._record = Parameter(aws, name), Parameter(aws, f"{name}{RECORD_SUFFIX}")
        self.place = aws.place
        self.identity = identity_of("aws-ssm", *aws.location, name)

    @sealed
    def read(self) -> Held:
        """Read the latest version."""
        found = self._parameter.get()
        if found is None:
            return self._form.look(None)
        content, revision = str(found["Value"]), int(found["Version"])
        held = self._form.look(content)
        return replace(held, version=_version(revision, content), revision=revision, content=Content(content))

    @sealed
    def write(self, value: ApiKey, over: Held) -> str:
        """Create the parameter, or replace its value if it is still the one that was read."""
        if over.revision is None:
            text = self._form.put(None, value)
            created = self._parameter.create(text, SECURE)
            if created is None:
                raise self._conflict()
            return _version(created, text)
        settings = self._parameter.settings(over.revision)
        now = self.read()
        if settings is None or now.version != over.version:
            raise self._conflict()
        text = self._form.put(now.content.reveal(), value)
        revision, repeated = self._parameter.replace(text, settings)
        if revision - 1 > over.revision + repeated and not self._is_the_same(value, revision - 1):
            log.warning(
                "%s was changed by somebody else at the very moment of writing: version %s is overwritten. If it was "
                "meant to stay, its value is in the history of the parameter.",
                self.place,
                revision - 1,
            )
        return _version(revision, text)

    @sealed
    def read_record(self) -> Mapping[str, str] | None:
        """Read the parameter beside it."""
        found = self._record.get()
        if found is None:
            return None
        record = as_record(found["Value"]) if found["Type"] == _IN_CLEAR["Type"] else None
        if record is not None:
            return record
        raise MisconfiguredError(
            f"{self.place}: the parameter {self._record.name} is no issuance record. Nothing was changed. Delete it."
        )

    @sealed
    def write_record(self, record: Mapping[str, str]) -> None:
        """Write the parameter beside it, whatever it holds by now."""
        self._record.replace(json.dumps(dict(record)), _IN_CLEAR)

    @sealed
    def check_write(self, over: Held) -> None:
        """Have Airflow read a trial, and see whether there is room for a key.

        Every request that asks for the right to write would write. So the proof of it is the record, which is a
        parameter of the same path and is written before a key is asked for.
        """
        content = over.content.reveal()
        if self._reader is not None:
            reader = self._reader
            self._aws.run(lambda: reader.check(over, self._form, self.read))
        if content is None or over.revision is None:
            return
        settings = self._parameter.look_up(over.revision)
        if settings is None:
            raise self._conflict()
        self._parameter.check_text(self._form.put(content, LONG_KEY), settings)

    @sealed
    def remove(self, over: Held, *, for_good: bool) -> None:  # noqa: ARG002 (nothing deleted can be recovered)
        """Delete the parameter, if it is still the one that was read; of none of the forms here anything would be left.

        No request deletes one version only, so what somebody writes between the read and the deletion goes, too.
        """
        now = self.read()
        if now.version == ABSENT:
            return  # whoever did it: an earlier request of ours, say, whose answer was lost
        if now.version != over.version:
            raise ConflictError(f"{self.place} was changed by somebody else since it was read; nothing was removed.")
        self._parameter.delete()

    @sealed
    def remove_record(self) -> None:
        """Delete the parameter beside it."""
        if self.read_record() is not None:
            self._record.delete()

    @sealed
    def read_back(self) -> ApiKey | None:
        """Ask the configured backend; outside Airflow, read again."""
        if self._reader is None:
            return self.read().value
        return self._aws.run(self._reader.read_back)

    def _is_the_same(self, value: ApiKey, revision: int) -> bool:
        """Whether a version holds this very key: another issuer of it was here."""
        try:
            found = self._parameter.get(revision)
        except SecretStoreError:  # the key is stored; what was there before only decides about a warning
            return False
        return found is not None and value.matches(self._form.look(str(found["Value"])).value)

    def _conflict(self) -> ConflictError:
        return ConflictError(f"{self.place} was changed by somebody else since it was read; nothing was written.")


def _version(revision: int, content: str) -> str:
    # A parameter that is deleted and made anew starts with 1 again.
    return f"v{revision}.{version_of(content)[:8]}"


def on_backend(backend: Any, destination: Destination, *, issuer: str, clients: Clients) -> ParameterStore:
    """Return the store of what a ``SystemsManagerParameterStoreBackend`` reads for a destination.

    :raises MisconfiguredError: if it never looks for it, or AWS has no such names.
    """
    client = client_for(destination, _SERVICE, _TITLE, backend=backend, clients=clients)
    reader = BackendReader(backend, destination, lambda copy, answers: _stand_in(copy, answers, client.exceptions))
    form: Form = JsonText(ConnectionForm(issuer)) if destination.kind == "connection" else TextForm()
    return first_that_holds([_store(client, path, form, reader.at(path), destination) for path in reader.paths()])


def on_connection(destination: Destination, *, clients: Clients) -> ParameterStore:
    """Return the store of any parameter; a path begins with the slash that a URI has no room for.

    :raises MisconfiguredError: if AWS has no such names.
    """
    client = client_for(destination, _SERVICE, _TITLE, backend=None, clients=clients)
    name = f"/{destination.name}" if "/" in destination.name else destination.name
    return _store(client, name, TextForm(), None, destination)


def _store(
    client: Any, name: str, form: Form, reader: BackendReader | None, destination: Destination
) -> ParameterStore:
    levels = name.strip("/").count("/") + 1
    if not _NAME.fullmatch(name) or len(name) > _LONGEST or levels > _MOST_LEVELS:
        raise MisconfiguredError(
            f"{destination} has no place: {_TITLE} has no parameter of the name {name!r:.120}. It allows "
            f"letters, digits and _ . - /, {_MOST_LEVELS} levels and, here, {_LONGEST} characters. No request was "
            "sent. Use another name."
        )
    return ParameterStore(AwsClient(client, f"parameter {name}", _TITLE), name, form, reader)


def _stand_in(backend: Any, answers: Answers, exceptions: Any) -> None:
    backend.__dict__["client"] = _StandIn(answers, exceptions)


class _StandIn:
    """What a ``SystemsManagerParameterStoreBackend`` needs of its ``client``."""

    def __init__(self, answers: Answers, exceptions: Any) -> None:
        self._answers, self.exceptions = answers, exceptions

    def get_parameter(self, *, Name: str, **_: Any) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        content = self._answers.get(Name)
        if content is None:
            refusal = {"Error": {"Code": "ParameterNotFound"}}
            raise self.exceptions.ParameterNotFound(refusal, "GetParameter")
        return {"Parameter": {"Value": content}}
