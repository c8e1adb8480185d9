"""Deletion of secrets in AWS Secrets Manager, and errors for a secret that is being deleted.

A deleted secret keeps its name for its recovery window or, if forced, until a background process has deleted it. Until
then nobody can read it or create another one of that name (DeleteSecret's documentation).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
    SecretStoreDeniedError,
    SecretStoreError,
    SecretStoreUnavailableError,
)
from airflow_provider_polytomic.secret_stores.aws.errors import ExpectedCodeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic.secret_stores.aws.client import AwsClient

__all__ = ["DELETED", "INVALID_STATE", "Deletion", "is_deleted"]

DELETED = "deleted"
"""The version of a deleted secret whose name is still taken: it holds nothing, but is not absent."""

# "A parameter value is not valid for the current state of the resource": of other states than deletion, too.
INVALID_STATE = frozenset({"InvalidRequestException"})
_MISSING = frozenset({"ResourceNotFoundException"})
# How long a forced deletion may take. Its date is that of the request; that of a scheduled one is days ahead. This
# machine's clock is right within minutes, or AWS would not accept its signatures (IAM User Guide, "Signing AWS
# requests").
_SOON = timedelta(hours=1)


def is_deleted(description: Mapping[str, Any]) -> bool:
    """Whether a secret that DescribeSecret still knows is deleted."""
    return description.get("DeletedDate") is not None


class Deletion:
    """The deletion of one secret.

    Every method may raise what :meth:`AwsClient.call` does, except ``ExpectedCodeError``.

    :param aws: the service.
    :param name: of the secret.
    """

    def __init__(self, aws: AwsClient, name: str) -> None:
        self._aws, self._id = aws, {"SecretId": name}

    def is_under_way(self) -> bool:
        """Whether the secret is deleted and its name still taken, as far as the caller may know."""
        try:
            return is_deleted(self._describe())
        except SecretStoreDeniedError:  # a consumer does not need the right to describe
            return False

    def request(self, *, permanently: bool) -> None:
        """Delete the secret with all its versions and tags; a missing one is no error.

        AWS compares nothing here, so the secret is deleted whatever it holds now.

        :param permanently: at once; otherwise it can be restored for 30 days, which is AWS's default.
        """
        options = {"ForceDeleteWithoutRecovery": True} if permanently else {}
        try:
            self._aws.call("delete_secret", {**self._id, **options}, expected=_MISSING | INVALID_STATE)
        except ExpectedCodeError as refusal:
            if refusal.code in _MISSING or self.is_under_way():
                return  # deleted by an earlier request of this task whose response was lost, for example
        else:
            return
        raise SecretStoreConfigurationError(
            "AWS cannot delete the secret in its present state (InvalidRequestException). Nothing was removed. Remove "
            "its replicas first, or have the AWS service that owns it delete it.",
            reason="not_deletable",
        )

    def explain(self) -> SecretStoreError:
        """Return the error for a name that a deleted secret still has."""
        date = self._describe().get("DeletedDate")
        if date is None or abs(datetime.now(UTC) - date) < _SOON:
            return SecretStoreUnavailableError(
                "AWS is still deleting the previous secret of this name. Nothing was written. Try again in a few "
                "minutes; if the error persists, check whether the secret is scheduled for deletion.",
                reason="being_deleted",
            )
        return SecretStoreConfigurationError(
            "the secret is scheduled for deletion. Nothing was written. Restore it, delete it at once, or use another "
            "name.",
            reason="scheduled_for_deletion",
        )

    def _describe(self) -> Mapping[str, Any]:
        try:
            return self._aws.call("describe_secret", self._id, expected=_MISSING)
        except ExpectedCodeError:
            return {}
