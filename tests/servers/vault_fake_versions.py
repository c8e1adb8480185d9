"""What does the fake keep of a secret of KV version 2? Its versions, and which of them are deleted or destroyed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Secret", "Version"]

_DEFAULT_MAX_VERSIONS = 10


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


@dataclass(slots=True)
class Version:
    """One version; both marks can be on it at once."""

    data: Mapping[str, Any] | None
    created: str = field(default_factory=_now)
    deleted: str = ""
    destroyed: bool = False

    @property
    def gone(self) -> bool:
        """Whether its data is not given out any more."""
        return bool(self.deleted) or self.destroyed

    def delete(self) -> None:
        """Mark it, unless it is gone already: the first deletion's time stays."""
        if not self.gone:
            self.deleted = _now()

    def undelete(self) -> None:
        """Take the mark away; a destroyed version keeps it."""
        if not self.destroyed:
            self.deleted = ""

    def destroy(self) -> None:
        """Remove the data for good."""
        self.destroyed, self.data = True, None

    def described(self) -> dict[str, Any]:
        """Return what the metadata says of it."""
        return {"created_time": self.created, "deletion_time": self.deleted, "destroyed": self.destroyed}


@dataclass(slots=True)
class Secret:
    """One secret with its settings; version 0 means that none was ever written."""

    current: int = 0
    oldest: int = 0
    versions: dict[int, Version] = field(default_factory=dict)
    cas_required: bool = False
    max_versions: int = 0
    custom_metadata: dict[str, str] | None = None
    created: str = field(default_factory=_now)
    updated: str = field(default_factory=_now)

    def add(self, data: Mapping[str, Any], max_versions: int) -> None:
        """Append a version, and drop those that are then too many.

        :param max_versions: of the mount; 0 where it sets none. OpenBao takes the greater of mount and secret.
        """
        self.current += 1
        self.versions[self.current] = Version(data)
        self.updated = _now()
        most = max(self.max_versions, max_versions) or _DEFAULT_MAX_VERSIONS
        if self.current - self.oldest >= most:
            self.oldest = self.current - most + 1
            self.versions = {number: version for number, version in self.versions.items() if number >= self.oldest}

    def described(self, number: int) -> dict[str, Any]:
        """Return what a read or write says of a version."""
        return {**self.versions[number].described(), "custom_metadata": self.custom_metadata, "version": number}

    def metadata(self) -> dict[str, Any]:
        """Return what a read of the metadata says."""
        return {
            "cas_required": self.cas_required,
            "created_time": self.created,
            "current_version": self.current,
            "custom_metadata": self.custom_metadata,
            "delete_version_after": "0s",
            "max_versions": self.max_versions,
            "oldest_version": self.oldest,
            "updated_time": self.updated,
            "versions": {str(number): version.described() for number, version in self.versions.items()},
        }
