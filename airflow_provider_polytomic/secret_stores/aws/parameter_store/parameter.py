"""Requests about one parameter in AWS Parameter Store: its value, and the settings that a new value would lose."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.aws.errors import ExpectedCodeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_polytomic.secret_stores.aws.client import AwsClient

__all__ = ["SECURE", "Parameter"]

SECURE = {"Type": "SecureString"}
_MISSING = frozenset({"ParameterNotFound", "ParameterVersionNotFound"})
_EXISTS = frozenset({"ParameterAlreadyExists"})
# The settings of a version besides its value. Without a KeyId the next version would be encrypted with AWS's own key;
# policies stay by themselves (PutParameter's documentation).
_KEPT = ("Type", "KeyId", "Tier", "DataType", "AllowedPattern", "Description")
_MAX_BYTES = {"Standard": 4096, "Advanced": 8192}
_MAX_VERSIONS = 100
# Java's sets within sets, and intersections, which Python reads as something else.
_JAVA_ONLY = re.compile(r"&&|\[[^\]]*\[")


class Parameter:
    """One parameter. Every method may raise what :meth:`AwsClient.call` raises, except ``ExpectedCodeError``.

    :param aws: the service.
    :param name: of the parameter.
    """

    def __init__(self, aws: AwsClient, name: str) -> None:
        self._aws, self.name = aws, name
        # The last version that was requested, and its settings, which do not change while its number stays.
        self._settings: tuple[int, dict[str, Any]] | None = None

    def get(self, revision: int | None = None) -> dict[str, Any] | None:
        """Return the latest version, or this one, decrypted; None if it does not exist."""
        name = self.name if revision is None else f"{self.name}:{revision}"
        try:
            answer = self._aws.call("get_parameter", {"Name": name, "WithDecryption": True}, expected=_MISSING)
        except ExpectedCodeError:
            return None
        version: dict[str, Any] = answer["Parameter"]
        return version

    def create(self, text: str, settings: Mapping[str, str]) -> int | None:
        """Create the parameter and return the number of its first version; None if it exists already."""
        try:
            answer = self._put(text, settings, overwrite=False)
        except ExpectedCodeError:
            return None
        return int(answer["Version"])

    def replace(self, text: str, settings: Mapping[str, str]) -> tuple[int, int]:
        """Return the number of the new version, and how many versions more boto's retries may have made."""
        answer = self._put(text, settings, overwrite=True)
        return int(answer["Version"]), int(answer["ResponseMetadata"].get("RetryAttempts", 0))

    def delete(self) -> None:
        """Delete the parameter with its history; a missing one is no error.

        AWS advises to wait 30 seconds before the name is used again (DeleteParameter's documentation names no error);
        until then the new parameter may not be visible.
        """
        with suppress(ExpectedCodeError):
            self._aws.call("delete_parameter", {"Name": self.name}, expected=_MISSING)

    def settings(self, revision: int) -> dict[str, Any] | None:
        """Return what :meth:`request_settings` does; for the same version, from the last request."""
        if self._settings is None or self._settings[0] != revision:
            return self.request_settings(revision)
        return self._settings[1]

    def request_settings(self, revision: int) -> dict[str, Any] | None:
        """Return the settings that the next version must repeat; None if this version no longer exists.

        From the history, a right that can be limited to parameters; DescribeParameters is for all of them or none
        (Service Authorization Reference).

        :raises SecretStoreConfigurationError: if it is stored in clear, or AWS would accept no further version.
        """
        versions = {version["Version"]: version for version in self._versions()}
        if revision not in versions:
            return None
        version = versions[revision]
        settings = {name: version[name] for name in _KEPT if version.get(name)}
        _check_secure(settings)
        _check_room(versions)
        self._settings = revision, settings
        return settings

    def check_text(self, text: str, settings: Mapping[str, str]) -> None:
        """Refuse a value that is too long for the parameter's tier, or does not match its allowed pattern.

        :raises SecretStoreConfigurationError: if it is such a value.
        """
        limit = _MAX_BYTES.get(settings.get("Tier", ""), max(_MAX_BYTES.values()))
        if len(text.encode()) > limit:
            raise SecretStoreConfigurationError(
                f"with a key in it, the parameter would be longer than the {limit} bytes of its tier. Nothing was "
                "changed. Shorten it, or give it the advanced tier.",
                reason="too_long",
            )
        pattern = settings.get("AllowedPattern")
        if pattern and _matches(pattern, text) is False:
            raise SecretStoreConfigurationError(
                "the parameter's allowed pattern does not match every key, so AWS would reject some. Nothing was "
                "changed. Widen the pattern to any string, or remove it.",
                reason="pattern_does_not_match",
            )

    def _put(self, text: str, settings: Mapping[str, str], *, overwrite: bool) -> dict[str, Any]:
        parameters = {**settings, "Name": self.name, "Value": text, "Overwrite": overwrite}
        return self._aws.call("put_parameter", parameters, expected=() if overwrite else _EXISTS)

    def _versions(self) -> Iterator[dict[str, Any]]:
        page: dict[str, Any] = {"Name": self.name, "WithDecryption": False, "MaxResults": 50}
        while True:
            try:
                answer = self._aws.call("get_parameter_history", page, expected=_MISSING)
            except ExpectedCodeError:
                return
            yield from answer["Parameters"]
            if not answer.get("NextToken"):
                return
            page["NextToken"] = answer["NextToken"]


def _check_secure(settings: Mapping[str, Any]) -> None:
    if settings["Type"] != SECURE["Type"]:
        raise SecretStoreConfigurationError(
            f"the parameter is a {settings['Type']}, which would store the key in clear, and its type cannot be "
            "changed. Nothing was changed. Delete it, or use another name.",
            reason="stored_in_clear",
        )


def _check_room(versions: Mapping[int, Mapping[str, Any]]) -> None:
    """Refuse a write for which AWS would have to drop a version with a label (PutParameter's documentation)."""
    oldest = min(versions)
    labels = versions[oldest].get("Labels")
    if len(versions) >= _MAX_VERSIONS and labels:
        raise SecretStoreConfigurationError(
            f"the parameter has {_MAX_VERSIONS} versions, and AWS cannot drop the oldest, {oldest}, because it has the "
            f"label: {', '.join(labels)}. Nothing was changed. Remove the label, or move it to a later version.",
            reason="oldest_version_has_label",
        )


def _matches(pattern: str, text: str) -> bool | None:
    r"""Whether the whole text matches, as AWS requires; None if this is not known.

    AWS rejects ``10,000`` where ``\d{1,4}`` is allowed (Systems Manager User Guide, "Walkthrough: Manage parameters
    using hierarchies").
    """
    if _JAVA_ONLY.search(pattern):
        return None
    try:
        return re.fullmatch(pattern, text) is not None
    except (re.error, OverflowError, RecursionError):
        return None
