"""How does a secret leave AWS Secrets Manager, and what is to be said of one that is on its way?

A deleted secret keeps its name for a while: for its recovery window, or, forced, until a process in the background has
come to it. Until then nobody reads it, and nobody can make another one of that name (DeleteSecret's documentation).
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
from airflow_provider_polytomic.secret_stores.aws.client import AwsClient, ExpectedCodeError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DELETED", "NOT_IN_THIS_STATE", "Deletion", "is_deleted"]

DELETED = "deleted"
"""The version of a secret that is deleted and still there: it holds nothing, but is not absent, as none can be made."""

# "A parameter value is not valid for the current state of the resource": of other states than deletion, too.
NOT_IN_THIS_STATE = frozenset({"InvalidRequestException"})
_MISSING = frozenset({"ResourceNotFoundException"})
# How long a forced deletion is waited for. Its date is that of the request; that of a scheduled one is days ahead. The
# clock here is right within minutes, or AWS would not take its signatures (IAM User Guide, "Signing AWS requests").
_SOON = timedelta(hours=1)


def is_deleted(described: Mapping[str, Any]) -> bool:
    """Whether a secret that DescribeSecret still knows is deleted."""
    return described.get("DeletedDate") is not None


class Deletion:
    """The deletion of one secret.

    Every method may raise what :meth:`AwsClient.call` does, except ``ExpectedCodeError``.

    :param aws: the service.
    :param name: of the secret.
    """

    def __init__(self, aws: AwsClient, name: str) -> None:
        self._aws, self._id = aws, {"SecretId": name}

    def is_under_way(self) -> bool:
        """Whether the secret is deleted and still there, as far as the caller may know."""
        try:
            return is_deleted(self._described())
        except SecretStoreDeniedError:  # a consumer has no need to describe
            return False

    def request(self, *, permanently: bool) -> None:
        """Delete the secret with all its versions and tags; nothing there is no error.

        AWS compares nothing here, so whatever it holds by now is deleted.

        :param permanently: at once; otherwise it can be restored for 30 days, which is AWS's default.
        """
        forced = {"ForceDeleteWithoutRecovery": True} if permanently else {}
        try:
            self._aws.call("delete_secret", {**self._id, **forced}, expected=_MISSING | NOT_IN_THIS_STATE)
        except ExpectedCodeError as refused:
            if refused.code in _MISSING or self.is_under_way():
                return  # an earlier request of ours, say, whose answer was lost
        else:
            return
        raise SecretStoreConfigurationError(
            "AWS does not delete it in its present state (InvalidRequestException). Nothing was removed. Remove its "
            "replicas first, or have the service of AWS that it belongs to delete it.",
            reason="not_deletable",
        )

    def refusal(self) -> SecretStoreError:
        """Return what to raise where the name is taken by a secret that is deleted."""
        date = self._described().get("DeletedDate")
        if date is None or abs(datetime.now(UTC) - date) < _SOON:
            return SecretStoreUnavailableError(
                "AWS is still deleting the secret that was there. Nothing was written. Try again in a few minutes; if "
                "this stays, see whether somebody has scheduled its deletion.",
                reason="being_deleted",
            )
        return SecretStoreConfigurationError(
            "the secret is scheduled for deletion. Nothing was written. Restore it, delete it at once, or use another "
            "name.",
            reason="scheduled_for_deletion",
        )

    def _described(self) -> Mapping[str, Any]:
        try:
            return self._aws.call("describe_secret", self._id, expected=_MISSING)
        except ExpectedCodeError:
            return {}
