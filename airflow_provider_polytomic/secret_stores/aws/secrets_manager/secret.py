"""What is AWS Secrets Manager asked about one secret? Its versions, the label that readers follow, its tags."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.aws.client import AwsClient, ExpectedCodeError
from airflow_provider_polytomic.secret_stores.aws.secrets_manager.deletion import (
    DELETED,
    NOT_IN_THIS_STATE,
    Deletion,
    is_deleted,
)
from airflow_provider_polytomic.secret_stores.aws.secrets_manager.tags import MAX_TAGS
from airflow_provider_polytomic.secret_stores.base import ABSENT

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AwsSecret"]

_CURRENT = "AWSCURRENT"
# Not AWSPENDING, which belongs to the rotation that AWS may do.
_PENDING = "PolytomicPending"
_DESCRIPTION = "A Polytomic API key, issued by Airflow"
_MISSING = frozenset({"ResourceNotFoundException"})
_EXISTS = frozenset({"ResourceExistsException"})
# The label is elsewhere, or one of the versions is none (by which of the two codes is not documented).
_NOT_MOVED = frozenset({"InvalidParameterException", "ResourceNotFoundException"})
# No secret has these versions: a move between them is looked at for rights, and then refused.
_NO_VERSIONS = "00000000-0000-4000-8000-000000000000", "00000000-0000-4000-8000-000000000001"
# More tags than a secret may have (TagResource's documentation names the first code only).
_NOT_TAGGED = frozenset({"InvalidParameterException", "LimitExceededException"})


class AwsSecret:
    """One secret. Every method may raise what :meth:`AwsClient.call` raises, but for ``ExpectedCodeError``.

    :param aws: the service.
    :param name: of the secret.
    """

    def __init__(self, aws: AwsClient, name: str) -> None:
        self._aws, self._name, self._id = aws, name, {"SecretId": name}
        self.deletion = Deletion(aws, name)
        self._is_missing = False

    def current(self) -> tuple[Any, str]:
        """Return the content that readers get and its version; without any, None and ``ABSENT`` or ``DELETED``."""
        try:
            answer = self._aws.call("get_secret_value", self._id, expected=_MISSING | NOT_IN_THIS_STATE)
        except ExpectedCodeError as refused:
            if refused.code in _MISSING:
                return None, ABSENT
        else:
            return answer.get("SecretString", answer.get("SecretBinary")), str(answer["VersionId"])
        if not self.deletion.is_under_way():  # there are other reasons for this refusal, and they are errors
            self._aws.call("get_secret_value", self._id)
        return None, DELETED

    def put_first(self, text: str) -> str | None:
        """Write a secret without a value: its first version gets AWSCURRENT, and nobody else's does.

        :returns: the version; None if somebody was faster.
        """
        try:
            answer = self._put(SecretString=text, expected=_MISSING)
        except ExpectedCodeError:
            return self._created(SecretString=text)
        return str(answer["VersionId"]) if _CURRENT in answer["VersionStages"] else None

    def replace(self, old: str, text: str) -> str | None:
        """Put a version that nobody reads yet, then move AWSCURRENT to it.

        :param old: the version that it is moved from.
        :returns: the new version; None if AWSCURRENT is elsewhere by now.
        """
        version = str(self._put(SecretString=text)["VersionId"])
        return version if self._move(old, version) else None

    def check_put(self, content: Any, version: str) -> None:
        """Put again what is there: with the token and the value of a version, "the request is ignored".

        (PutSecretValue's documentation of ``ClientRequestToken``.)
        """
        kind = "SecretString" if isinstance(content, str) else "SecretBinary"
        self._put(**{kind: content, "ClientRequestToken": version})

    def check_move(self) -> None:
        """Send a move between versions that no secret has, which AWS looks at for rights and refuses."""
        if self._move(*_NO_VERSIONS):
            raise SecretStoreConfigurationError(
                "AWS made a move that it had to refuse. Look at this secret.", reason="unexpected"
            )

    def tags(self) -> list[dict[str, str]] | None:
        """Return the tags; None where there is no secret, or none any more that can be read."""
        self._is_missing = True
        try:
            described = self._aws.call("describe_secret", self._id, expected=_MISSING)
        except ExpectedCodeError:
            return None
        if is_deleted(described):
            return None
        self._is_missing = False
        return list(described.get("Tags", []))

    def tag(self, tags: Sequence[dict[str, str]]) -> bool:
        """Put tags on; on a secret that has no value yet, if there is none. False if it comes and goes meanwhile.

        :raises SecretStoreConfigurationError: if others have left too little of the quota of tags.
        """
        if self._is_missing and self._created(Tags=tags) is not None:
            return True
        try:
            self._aws.call("tag_resource", {**self._id, "Tags": tags}, expected=_MISSING | _NOT_TAGGED)
        except ExpectedCodeError as refused:
            if refused.code in _NOT_TAGGED:
                raise self._not_tagged(refused.code, len(tags)) from None
            return self._created(Tags=tags) is not None
        return True

    def untag(self, names: Sequence[str]) -> None:
        """Take tags off; none of the name, and none of the secret, is no error (UntagResource's documentation)."""
        with suppress(ExpectedCodeError):
            self._aws.call("untag_resource", {**self._id, "TagKeys": list(names)}, expected=_MISSING)

    def _put(self, *, expected: frozenset[str] = frozenset(), **value: Any) -> dict[str, Any]:
        return self._aws.call("put_secret_value", {**self._id, **value, "VersionStages": [_PENDING]}, expected=expected)

    def _move(self, source: str, target: str) -> bool:
        """Move AWSCURRENT; False if it is not at the source any more."""
        move = {"VersionStage": _CURRENT, "RemoveFromVersionId": source, "MoveToVersionId": target}
        try:
            self._aws.call("update_secret_version_stage", {**self._id, **move}, expected=_NOT_MOVED)
        except ExpectedCodeError:
            return False
        return True

    def _created(self, **content: Any) -> str | None:
        """Return the version of a new secret, empty where it has no value; None if somebody created it meanwhile."""
        parameters = {"Name": self._name, "Description": _DESCRIPTION, **content}
        try:
            answer = self._aws.call("create_secret", parameters, expected=_EXISTS | NOT_IN_THIS_STATE)
        except ExpectedCodeError as refused:
            if refused.code in _EXISTS:
                return None
        else:
            self._is_missing = False
            return str(answer.get("VersionId", ""))
        raise self.deletion.refusal()

    def _not_tagged(self, code: str, number: int) -> SecretStoreConfigurationError:
        return SecretStoreConfigurationError(
            f"AWS does not take the {number} tags of the issuance record ({code}); a secret has at most {MAX_TAGS}. "
            "None was written. Remove others or use another secret; if there are fewer, look for a tag policy.",
            reason="no_room_for_tags",
        )
