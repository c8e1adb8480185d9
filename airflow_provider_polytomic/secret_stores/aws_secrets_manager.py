"""How does a key get into AWS Secrets Manager? As a version to which AWSCURRENT moves, if nobody moved it meanwhile.

The record is in the secret's tags: a version would not do, because the first one of a secret is what readers get,
whatever its label.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import ConflictError, MisconfiguredError
from airflow_provider_polytomic.secret_stores.aws_aliases import AliasedConnectionForm
from airflow_provider_polytomic.secret_stores.aws_client import LONG_KEY, AwsClient, RefusedError, client_for
from airflow_provider_polytomic.secret_stores.aws_tags import MOST_TAGS, record_of, tags_of
from airflow_provider_polytomic.secret_stores.backends import BackendReader, first_that_holds
from airflow_provider_polytomic.secret_stores.base import Content, Held
from airflow_provider_polytomic.secret_stores.documents import ABSENT
from airflow_provider_polytomic.secret_stores.forms import FieldForm, JsonText, TextForm
from airflow_provider_polytomic.secret_stores.sealing import sealed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic.api_key import ApiKey
    from airflow_provider_polytomic.secret_stores.backends import Answers
    from airflow_provider_polytomic.secret_stores.destination import Destination
    from airflow_provider_polytomic.secret_stores.forms import Form
    from airflow_provider_polytomic.secret_stores.opening import Clients

__all__ = ["SecretsManagerStore", "on_backend", "on_connection"]

_SERVICE, _TITLE = "secretsmanager", "AWS Secrets Manager"
_CURRENT = "AWSCURRENT"
# Not AWSPENDING, which belongs to the rotation that AWS may do.
_PENDING = "PolytomicPending"
_DESCRIPTION = "A Polytomic API key, issued by Airflow"
_MISSING = frozenset({"ResourceNotFoundException"})
_EXISTS = frozenset({"ResourceExistsException"})
# There is no secret, or no value (by which code is not documented).
_NOTHING_PUT = _MISSING | {"InvalidRequestException", "InvalidParameterException", "ValidationException"}
# The label is elsewhere, or one of the versions is none (by which of the two codes is not documented).
_NOT_MOVED = frozenset({"InvalidParameterException", "ResourceNotFoundException"})
# No secret has these versions: a move between them is looked at for rights, and then refused.
_NO_VERSIONS = "00000000-0000-4000-8000-000000000000", "00000000-0000-4000-8000-000000000001"
# More tags than a secret may have (TagResource's documentation names the first code only).
_NOT_TAGGED = frozenset({"InvalidParameterException", "LimitExceededException"})
# "AWS Secrets Manager quotas": of UTF-8.
_MOST_BYTES = 65_536
# CreateSecret's documentation.
_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")


class SecretsManagerStore:
    """One secret.

    :param aws: the service.
    :param name: of the secret.
    :param form: how the key is in the secret.
    :param reader: how Airflow reads it; None outside Airflow.
    """

    compare_and_set = True

    def __init__(self, aws: AwsClient, name: str, form: Form, reader: BackendReader | None) -> None:
        self._aws, self._form, self._reader = aws, form, reader
        self._name, self._id = name, {"SecretId": name}
        self.place = aws.place
        self._is_missing = False

    @sealed
    def read(self) -> Held:
        """Read the version that has AWSCURRENT; a secret without any is none yet."""
        content, version = None, ABSENT
        try:
            answer = self._aws.call("get_secret_value", self._id, expected=_MISSING)
        except RefusedError:
            pass
        else:
            content, version = answer.get("SecretString", answer.get("SecretBinary")), answer["VersionId"]
        return replace(self._form.look(content), version=version, content=Content(content))

    @sealed
    def write(self, value: ApiKey, over: Held) -> str:
        """Put a version that nobody reads yet, then move AWSCURRENT to it from the version that was read."""
        text = self._form.put(over.content.reveal(), value)
        if over.version == ABSENT:
            return self._write_first(text)
        version = str(self._put(SecretString=text)["VersionId"])
        if not self._move(over.version, version):
            raise self._conflict()
        return version

    @sealed
    def read_record(self) -> Mapping[str, str] | None:
        """Read the tags."""
        try:
            answer = self._aws.call("describe_secret", self._id, expected=_MISSING)
        except RefusedError:
            self._is_missing = True
            return None
        self._is_missing = False
        return record_of(answer.get("Tags", []))

    @sealed
    def write_record(self, record: Mapping[str, str]) -> None:
        """Write the tags; of a secret that has no value yet, if there is none.

        :raises MisconfiguredError: if others have left too little of the quota of tags.
        """
        tags = tags_of(record)
        if self._is_missing and self._create(tags):
            return
        try:
            self._aws.call("tag_resource", {**self._id, "Tags": tags}, expected=_MISSING | _NOT_TAGGED)
        except RefusedError as refused:
            if refused.code in _NOT_TAGGED:
                raise self._not_tagged(refused.code, len(tags)) from None
            if not self._create(tags):
                raise self._conflict() from None

    @sealed
    def check_write(self, over: Held) -> None:
        """Have Airflow read a trial, put again the version that is there (or nothing), and move a label between none.

        A put with the token and the value of a version "succeeds but does nothing" (PutSecretValue's documentation).
        """
        content = over.content.reveal()
        self._check_size(self._form.put(content, LONG_KEY))
        if self._reader is not None:
            reader = self._reader
            self._aws.run(lambda: reader.check(over, self._form, self.read))
        if content is None:
            self._put_nothing()
        else:
            kind = "SecretString" if isinstance(content, str) else "SecretBinary"
            self._put(**{kind: content, "ClientRequestToken": over.version})
        if self._move(*_NO_VERSIONS):
            raise MisconfiguredError(f"{self.place}: AWS made a move that it had to refuse. Look at this secret.")

    @sealed
    def read_back(self) -> ApiKey | None:
        """Ask the configured backend; outside Airflow, read again."""
        if self._reader is None:
            return self.read().value
        return self._aws.run(self._reader.read_back)

    def _check_size(self, text: str) -> None:
        if len(text.encode()) > _MOST_BYTES:
            raise MisconfiguredError(
                f"{self.place}: with a key put into it, it would be longer than the {_MOST_BYTES} bytes of a secret. "
                "Nothing was changed. Shorten what else it holds, or use another secret."
            )

    def _write_first(self, text: str) -> str:
        """Write a secret without a value: its first version gets AWSCURRENT, and nobody else's does."""
        try:
            answer = self._put(SecretString=text, expected=_MISSING)
        except RefusedError:
            version = self._created(SecretString=text)
        else:
            version = answer["VersionId"] if _CURRENT in answer["VersionStages"] else None
        if version is None:
            raise self._conflict()
        return str(version)

    def _put_nothing(self) -> None:
        """Send a put without a value, which AWS can only refuse; it looks at the caller's rights first."""
        try:
            self._put(expected=_NOTHING_PUT)
        except RefusedError:
            return
        raise MisconfiguredError(f"{self.place}: AWS took a put without a value. Look at this secret, and report it.")

    def _put(self, *, expected: frozenset[str] = frozenset(), **value: Any) -> dict[str, Any]:
        return self._aws.call("put_secret_value", {**self._id, **value, "VersionStages": [_PENDING]}, expected=expected)

    def _move(self, source: str, target: str) -> bool:
        """Move AWSCURRENT; False if it is not at the source any more."""
        move = {"VersionStage": _CURRENT, "RemoveFromVersionId": source, "MoveToVersionId": target}
        try:
            self._aws.call("update_secret_version_stage", {**self._id, **move}, expected=_NOT_MOVED)
        except RefusedError:
            return False
        return True

    def _create(self, tags: list[dict[str, str]]) -> bool:
        return self._created(Tags=tags) is not None

    def _created(self, **content: Any) -> str | None:
        """Return the version of a new secret, empty where it has no value; None if somebody created it meanwhile."""
        parameters = {"Name": self._name, "Description": _DESCRIPTION, **content}
        try:
            answer = self._aws.call("create_secret", parameters, expected=_EXISTS)
        except RefusedError:
            return None
        self._is_missing = False
        return str(answer.get("VersionId", ""))

    def _not_tagged(self, code: str, number: int) -> MisconfiguredError:
        return MisconfiguredError(
            f"{self.place}: AWS does not take the {number} tags of the issuance record ({code}). None was written. A "
            f"secret has at most {MOST_TAGS} tags: take others off, or use another secret. If there are fewer, see "
            "whether a tag policy forbids these."
        )

    def _conflict(self) -> ConflictError:
        return ConflictError(
            f"{self.place} was changed by somebody else since it was read; nothing was written that readers get."
        )


def on_backend(backend: Any, destination: Destination, *, issuer: str, clients: Clients) -> SecretsManagerStore:
    """Return the store of what a ``SecretsManagerBackend`` reads for a destination.

    :raises MisconfiguredError: if it never looks for it, or AWS has no such names.
    """
    client = client_for(destination, _SERVICE, _TITLE, backend=backend, clients=clients)
    reader = BackendReader(backend, destination, lambda copy, answers: _stand_in(copy, answers, client.exceptions))
    form: Form = JsonText(AliasedConnectionForm(backend, issuer)) if destination.kind == "connection" else TextForm()
    return first_that_holds([_store(client, path, form, reader.at(path), destination) for path in reader.paths()])


def on_connection(destination: Destination, *, clients: Clients) -> SecretsManagerStore:
    """Return the store of any secret, or of one field of its JSON.

    :raises MisconfiguredError: if AWS has no such names.
    """
    client = client_for(destination, _SERVICE, _TITLE, backend=None, clients=clients)
    form: Form = TextForm() if destination.field is None else JsonText(FieldForm(destination.field))
    return _store(client, destination.name, form, None, destination)


def _store(
    client: Any, name: str, form: Form, reader: BackendReader | None, destination: Destination
) -> SecretsManagerStore:
    if not _NAME.fullmatch(name):
        raise MisconfiguredError(
            f"{destination} has no place: {_TITLE} has no secret of the name {name!r:.120}. It allows up to 512 "
            "letters, digits and / _ + = . @ -. Nothing was sent. Use another name."
        )
    part = "" if destination.field is None else f"field {destination.field} of "
    return SecretsManagerStore(AwsClient(client, f"{part}secret {name}", _TITLE), name, form, reader)


def _stand_in(backend: Any, answers: Answers, exceptions: Any) -> None:
    backend.__dict__["client"] = _StandIn(answers, exceptions)


class _StandIn:
    """What a ``SecretsManagerBackend`` needs of its ``client``."""

    def __init__(self, answers: Answers, exceptions: Any) -> None:
        self._answers, self.exceptions = answers, exceptions

    def get_secret_value(self, *, SecretId: str, **_: Any) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        content = self._answers.get(SecretId)
        if content is None:
            refusal = {"Error": {"Code": "ResourceNotFoundException"}}
            raise self.exceptions.ResourceNotFoundException(refusal, "GetSecretValue")
        return {"SecretString": content}
