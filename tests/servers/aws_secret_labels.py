"""Which version of a secret has which staging label? AWS's rules: moto loses labels on several ways.

moto 5.2.5: a failed move drops the label it was to move; a move of AWSCURRENT does not change what is read without a
stage; a later put then leaves AWSCURRENT on two versions; a put under AWSCURRENT drops the other labels of the previous
version, and leaves its own other labels where they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.servers.aws_call import AwsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CURRENT", "attached", "labels_of", "moved", "set_labels"]

CURRENT = "AWSCURRENT"
_PREVIOUS = "AWSPREVIOUS"


def labels_of(secret: Any) -> dict[str, str]:
    """Return the version of each label."""
    return {label: version for version, held in secret.versions.items() for label in held["version_stages"]}


def set_labels(secret: Any, labels: Mapping[str, str]) -> None:
    """Have the versions carry these labels and no others."""
    for version, held in secret.versions.items():
        held["version_stages"] = [label for label, holder in labels.items() if holder == version]
    secret.default_version_id = labels.get(CURRENT)


def attached(labels: Mapping[str, str], version: str, added: Iterable[str]) -> dict[str, str]:
    """Return the labels after some were put on a version; the one that loses AWSCURRENT becomes AWSPREVIOUS."""
    added = list(added)
    after = dict(labels)
    loser = labels.get(CURRENT)
    if CURRENT in added and loser not in {None, version}:
        after[_PREVIOUS] = str(loser)
    return after | dict.fromkeys(added, version)


def moved(secret: Any, label: str, source: str | None, target: str | None) -> dict[str, str]:
    """Return the labels after UpdateSecretVersionStage.

    :raises AwsError: InvalidParameterException, if the label is not on ``source``, or ``target`` does not exist. AWS's
        code for the latter is not documented; this one is moto's.
    """
    labels = labels_of(secret)
    holder = labels.get(label)
    if source is None and holder not in {None, target}:
        raise AwsError(
            "InvalidParameterException",
            f"The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to version "
            f"{holder}, so you must explicitly reference that version in RemoveFromVersionId.",
        )
    if source is not None and source != holder:
        raise AwsError(
            "InvalidParameterException",
            f"When you move staging label {label}, if you specify RemoveFromVersionId, it must be set to the version "
            f"that currently has the staging label {label}.",
        )
    if target is None:
        if label == CURRENT:
            raise AwsError(
                "InvalidParameterException",
                f"You can only move staging label {CURRENT} to a different secret version. It can't be completely "
                "removed.",
            )
        return {other: version for other, version in labels.items() if other != label}
    if target not in secret.versions:
        raise AwsError("InvalidParameterException", f"Not a valid version: {target}")
    return attached(labels, target, [label])
