"""Requests about one secret in AWS Secrets Manager: its versions, the label that readers follow, its tags."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.aws.errors import ExpectedCodeError
from airflow_provider_polytomic.secret_stores.aws.secrets_manager.deletion import (
    DELETED,
    INVALID_STATE,
    Deletion,
    is_deleted,
)
from airflow_provider_polytomic.secret_stores.aws.secrets_manager.tags import MAX_TAGS
from airflow_provider_polytomic.secret_stores.base import ABSENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_polytomic.secret_stores.aws.client import AwsClient

__all__ = ["AwsSecret"]

_CURRENT = "AWSCURRENT"
# Not AWSPENDING, which belongs to AWS's own rotation.
_PENDING = "PolytomicPending"
_DESCRIPTION = "A Polytomic API key, issued by Airflow"
_MISSING = frozenset({"ResourceNotFoundException"})
_EXISTS = frozenset({"ResourceExistsException"})
# The label is elsewhere, or one of the versions does not exist (which of the two codes means which is not documented).
_NOT_MOVED = frozenset({"InvalidParameterException", "ResourceNotFoundException"})
# No secret has these versions: AWS checks the rights of a move between them, and then rejects it.
_NO_VERSIONS = "00000000-0000-4000-8000-000000000000", "00000000-0000-4000-8000-000000000001"
# More tags than a secret may have (TagResource's documentation names the first code only).
_NOT_TAGGED = frozenset({"InvalidParameterException", "LimitExceededException"})


class AwsSecret:
    """One secret. Every method may raise what :meth:`AwsClient.call` raises, except ``ExpectedCodeError``.

    :param aws: the service.
    :param name: of the secret.
    """

    def __init__(self, aws: AwsClient, name: str) -> None:
        self._aws, self._name, self._id = aws, name, {"SecretId": name}
        self.deletion = Deletion(aws, name)
        self._is_missing = False

    def current(self) -> tuple[Any, str]:
        """Return the content that readers get and its version; without content, None and ``ABSENT`` or ``DELETED``."""
        try:
            answer = self._aws.call("get_secret_value", self._id, expected=_MISSING | INVALID_STATE)
        except ExpectedCodeError as refusal:
            if refusal.code in _MISSING:
                return None, ABSENT
        else:
            return answer.get("SecretString", answer.get("SecretBinary")), str(answer["VersionId"])
        if not self.deletion.is_under_way():  # the code has other causes, and they are errors
            self._aws.call("get_secret_value", self._id)
        return None, DELETED

    def put_first(self, text: str) -> str | None:
        """Write a secret without a value: AWS gives AWSCURRENT to its first version only.

        :returns: the version; None if another process or user wrote the first one.
        """
        try:
            answer = self._put(SecretString=text, expected=_MISSING)
        except ExpectedCodeError:
            return self._create(SecretString=text)
        return str(answer["VersionId"]) if _CURRENT in answer["VersionStages"] else None

    def replace(self, old: str, text: str) -> str | None:
        """Put a version that nobody reads yet, then move AWSCURRENT to it.

        :param old: the version that the label is moved from.
        :returns: the new version; None if AWSCURRENT is no longer at the old one.
        """
        version = str(self._put(SecretString=text)["VersionId"])
        return version if self._move(old, version) else None

    def check_put(self, content: Any, version: str) -> None:
        """Put the present content again: with the token and the value of a version, "the request is ignored".

        (PutSecretValue's documentation of ``ClientRequestToken``.)
        """
        argument = "SecretString" if isinstance(content, str) else "SecretBinary"
        self._put(**{argument: content, "ClientRequestToken": version})

    def check_move(self) -> None:
        """Send a move between versions that no secret has: AWS checks the rights and rejects it."""
        if self._move(*_NO_VERSIONS):
            raise SecretStoreConfigurationError(
                "AWS accepted a move of AWSCURRENT that it had to reject. Check this secret, and report the error.",
                reason="unexpected",
            )

    def tags(self) -> list[dict[str, str]] | None:
        """Return the tags; None if the secret does not exist or is deleted."""
        self._is_missing = True
        try:
            description = self._aws.call("describe_secret", self._id, expected=_MISSING)
        except ExpectedCodeError:
            return None
        if is_deleted(description):
            return None
        self._is_missing = False
        return list(description.get("Tags", []))

    def tag(self, tags: Sequence[dict[str, str]]) -> bool:
        """Add tags; create the secret without a value if it does not exist.

        :returns: False if the secret is created and deleted by others in the meantime.
        :raises SecretStoreConfigurationError: if tags of other owners leave too little of the quota.
        """
        if self._is_missing and self._create(Tags=tags) is not None:
            return True
        try:
            self._aws.call("tag_resource", {**self._id, "Tags": tags}, expected=_MISSING | _NOT_TAGGED)
        except ExpectedCodeError as refusal:
            if refusal.code in _NOT_TAGGED:
                raise self._explain_not_tagged(refusal.code, len(tags)) from None
            return self._create(Tags=tags) is not None
        return True

    def untag(self, names: Sequence[str]) -> None:
        """Remove tags; a missing tag or secret is no error (UntagResource's documentation)."""
        with suppress(ExpectedCodeError):
            self._aws.call("untag_resource", {**self._id, "TagKeys": list(names)}, expected=_MISSING)

    def _put(self, *, expected: frozenset[str] = frozenset(), **value: Any) -> dict[str, Any]:
        return self._aws.call("put_secret_value", {**self._id, **value, "VersionStages": [_PENDING]}, expected=expected)

    def _move(self, source: str, target: str) -> bool:
        """Move AWSCURRENT; False if it is no longer at the source."""
        move = {"VersionStage": _CURRENT, "RemoveFromVersionId": source, "MoveToVersionId": target}
        try:
            self._aws.call("update_secret_version_stage", {**self._id, **move}, expected=_NOT_MOVED)
        except ExpectedCodeError:
            return False
        return True

    def _create(self, **content: Any) -> str | None:
        """Return the version of a new secret, empty if it has no value; None if the secret exists by now."""
        parameters = {"Name": self._name, "Description": _DESCRIPTION, **content}
        try:
            answer = self._aws.call("create_secret", parameters, expected=_EXISTS | INVALID_STATE)
        except ExpectedCodeError as refusal:
            if refusal.code in _EXISTS:
                return None
        else:
            self._is_missing = False
            return str(answer.get("VersionId", ""))
        raise self.deletion.explain()

    def _explain_not_tagged(self, code: str, number: int) -> SecretStoreConfigurationError:
        return SecretStoreConfigurationError(
            f"AWS rejects the {number} tags of the issuance record ({code}); a secret has at most {MAX_TAGS}. No tag "
            "was written. Remove other tags or use another secret; if the secret has fewer tags, check for a tag "
            "policy.",
            reason="no_room_for_tags",
        )
