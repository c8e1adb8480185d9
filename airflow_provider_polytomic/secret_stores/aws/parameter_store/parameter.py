"""What is AWS Parameter Store asked about one parameter? Its value, and the settings that a new value would lose."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError
from airflow_provider_polytomic.secret_stores.aws.client import AwsClient, ExpectedCodeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["SECURE", "Parameter"]

SECURE = {"Type": "SecureString"}
_MISSING = frozenset({"ParameterNotFound", "ParameterVersionNotFound"})
_EXISTS = frozenset({"ParameterAlreadyExists"})
# What a version has besides its value. Without a KeyId the next one would be encrypted with AWS's own key; policies
# stay by themselves (PutParameter's documentation).
_KEPT = ("Type", "KeyId", "Tier", "DataType", "AllowedPattern", "Description")
_MAX_BYTES = {"Standard": 4096, "Advanced": 8192}
_MAX_VERSIONS = 100
# Java has sets within sets, and intersections; Python reads them as something else.
_JAVAS_OWN = re.compile(r"&&|\[[^\]]*\[")


class Parameter:
    """One parameter. Every method may raise what :meth:`AwsClient.call` raises, but for ``ExpectedCodeError``.

    :param aws: the service.
    :param name: of the parameter.
    """

    def __init__(self, aws: AwsClient, name: str) -> None:
        self._aws, self.name = aws, name
        # The last version that was asked for, and its settings, which cannot change without its number.
        self._settings: tuple[int, dict[str, Any]] | None = None

    def get(self, revision: int | None = None) -> dict[str, Any] | None:
        """Return the latest version, or this one, decrypted; None if there is none."""
        name = self.name if revision is None else f"{self.name}:{revision}"
        try:
            answer = self._aws.call("get_parameter", {"Name": name, "WithDecryption": True}, expected=_MISSING)
        except ExpectedCodeError:
            return None
        found: dict[str, Any] = answer["Parameter"]
        return found

    def create(self, text: str, settings: Mapping[str, str]) -> int | None:
        """Return the number of the first version; None if there is one already."""
        try:
            answer = self._put(text, settings, overwrite=False)
        except ExpectedCodeError:
            return None
        return int(answer["Version"])

    def replace(self, text: str, settings: Mapping[str, str]) -> tuple[int, int]:
        """Return the number of the new version, and how many more of them this very request may have made."""
        answer = self._put(text, settings, overwrite=True)
        return int(answer["Version"]), int(answer["ResponseMetadata"].get("RetryAttempts", 0))

    def delete(self) -> None:
        """Delete it with its history; nothing there is no error.

        Whoever makes it anew within 30 seconds does so against AWS's advice (DeleteParameter's documentation names no
        error for it), and may not see that it is there.
        """
        with suppress(ExpectedCodeError):
            self._aws.call("delete_parameter", {"Name": self.name}, expected=_MISSING)

    def settings(self, revision: int) -> dict[str, Any] | None:
        """Return what :meth:`read_up` does, but for the same version only once."""
        if self._settings is None or self._settings[0] != revision:
            return self.look_up(revision)
        return self._settings[1]

    def look_up(self, revision: int) -> dict[str, Any] | None:
        """Return what the next version has to be given again; None if there is no such version any more.

        From the history, a right that can be limited to parameters; DescribeParameters is for all of them or none
        (Service Authorization Reference).

        :raises SecretStoreConfigurationError: if it is stored in clear, or AWS would take no further version.
        """
        versions = {version["Version"]: version for version in self._versions()}
        if revision not in versions:
            return None
        found = versions[revision]
        settings = self._secure({name: found[name] for name in _KEPT if found.get(name)})
        self._check_room(versions)
        self._settings = revision, settings
        return settings

    def check_text(self, text: str, settings: Mapping[str, str]) -> None:
        """Refuse a text that the parameter's tier has no room for, or that its allowed pattern does not match.

        :raises SecretStoreConfigurationError: if so.
        """
        most = _MAX_BYTES.get(settings.get("Tier", ""), max(_MAX_BYTES.values()))
        if len(text.encode()) > most:
            raise SecretStoreConfigurationError(
                f"with a key in it, it would be longer than the {most} bytes of its tier. Nothing was changed. Shorten "
                "it, or give it the advanced tier.",
                reason="too_long",
            )
        pattern = settings.get("AllowedPattern")
        if pattern and _matches(pattern, text) is False:
            raise SecretStoreConfigurationError(
                "its allowed pattern would not match a key of any other form, so AWS would not store it. Nothing was "
                "changed. Widen the pattern to any text, or remove it.",
                reason="pattern_does_not_match",
            )

    def _check_room(self, versions: Mapping[int, Mapping[str, Any]]) -> None:
        """Refuse where AWS would have to drop a version that has a label (PutParameter's documentation)."""
        oldest = min(versions)
        labels = versions[oldest].get("Labels")
        if len(versions) >= _MAX_VERSIONS and labels:
            raise SecretStoreConfigurationError(
                f"it has {_MAX_VERSIONS} versions, and AWS cannot drop the oldest, {oldest}, because of its label: "
                f"{', '.join(labels)}. Nothing was changed. Remove the label, or move it to a later version.",
                reason="oldest_version_has_label",
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

    def _secure(self, settings: dict[str, Any]) -> dict[str, Any]:
        if settings["Type"] != SECURE["Type"]:
            raise SecretStoreConfigurationError(
                f"it is a {settings['Type']}, where a key would be stored in clear, and a parameter's type cannot be "
                "changed. Nothing was changed. Delete it, or use another name.",
                reason="stored_in_clear",
            )
        return settings


def _matches(pattern: str, text: str) -> bool | None:
    r"""Say whether all of the text matches, as AWS wants it; None if that cannot be told.

    AWS refuses ``10,000`` where ``\d{1,4}`` is allowed (Systems Manager User Guide, "Walkthrough: Manage parameters
    using hierarchies").
    """
    if _JAVAS_OWN.search(pattern):
        return None
    try:
        return re.fullmatch(pattern, text) is not None
    except (re.error, OverflowError, RecursionError):
        return None
