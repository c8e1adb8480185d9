"""Secrets engines of the fake Vault, KV versions 1 and 2, and the format of its answers."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["DONE", "Engine", "KvV1", "KvV2", "RefusalError", "Reply", "wrap_data"]

# The lease of a secret in KV version 1, and the lifetime of tokens: 32 days.
_LEASE_SECONDS = 2764800
_UNSUPPORTED = "1 error occurred:\n\t* unsupported operation\n\n"
_INVALID_PATH = (
    "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. "
    "If using the Vault CLI, use 'vault kv {}' for this operation."
)
_ROOT_OF_MOUNT = "Non-listing operations on the root of a K/V v2 mount are not supported."
_COMMANDS = {"read": "get", "update": "put"}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; None stands for an empty body."""

    status: int
    body: Mapping[str, Any] | None = None


class RefusalError(Exception):
    """An answer with errors only, or an empty list of them: ``{"errors": []}``."""

    def __init__(self, status: int, *errors: str) -> None:
        super().__init__(*errors)
        self.reply = Reply(status, {"errors": list(errors)})


# The answer to a write or deletion without data.
DONE = Reply(204)


def wrap_data(
    data: Mapping[str, Any] | None, *, status: int = 200, warnings: Sequence[str] = (), lease: int = 0, auth: Any = None
) -> Reply:
    """Return data in Vault's envelope."""
    around = {"request_id": str(uuid.uuid4()), "lease_id": "", "renewable": False, "lease_duration": lease}
    return Reply(status, {**around, "data": data, "wrap_info": None, "warnings": list(warnings) or None, "auth": auth})


class Engine(Protocol):
    """A secrets engine at its mount. Paths are relative to the mount; operations are those of policies."""

    version: str

    def exists(self, path: str) -> bool:
        """Whether a write to this path is an update rather than a creation."""

    def handle(self, operation: str, path: str, body: Mapping[str, Any], query: Mapping[str, str]) -> Reply:
        """Answer a request that the policies allow."""


class KvV1:
    """A mount of version 1: one dictionary for each path."""

    version = "1"

    def __init__(self) -> None:
        self._secrets: dict[str, Mapping[str, Any]] = {}

    def exists(self, path: str) -> bool:
        return path in self._secrets

    def handle(self, operation: str, path: str, body: Mapping[str, Any], query: Mapping[str, str]) -> Reply:
        _allow_only(query)
        match operation:
            case "read" if path in self._secrets:
                return wrap_data(self._secrets[path], lease=_LEASE_SECONDS)
            case "read":
                raise RefusalError(404)
            case "update" if body:
                self._secrets[path] = dict(body)
                return DONE
            case "update":
                raise RefusalError(400, "missing data fields")
            case "delete":
                self._secrets.pop(path, None)
                return DONE
        return _list_folder(self._secrets, path)


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


@dataclass(slots=True)
class _Version:
    """One version, which can be both deleted and destroyed."""

    data: Mapping[str, Any] | None
    created: str = field(default_factory=_now)
    deleted: str = ""
    destroyed: bool = False

    @property
    def gone(self) -> bool:
        return bool(self.deleted) or self.destroyed

    def delete(self) -> None:
        """Mark the version as deleted; the time of the first deletion stays."""
        self.deleted = self.deleted if self.gone else _now()

    def undelete(self) -> None:
        self.deleted = self.deleted if self.destroyed else ""

    def destroy(self) -> None:
        self.destroyed, self.data = True, None

    def describe(self) -> dict[str, Any]:
        return {"created_time": self.created, "deletion_time": self.deleted, "destroyed": self.destroyed}


class KvV2:
    """A mount of version 2. Settings of a secret and the limit on versions are not modelled: all versions are kept.

    :param cas_required: whether every write must name the version that it replaces.
    """

    version = "2"

    def __init__(self, *, cas_required: bool = False) -> None:
        self._cas_required = cas_required
        # The versions of each secret, from number 1.
        self._secrets: dict[str, list[_Version]] = {}

    def exists(self, path: str) -> bool:
        kind, _, name = path.partition("/")
        return kind not in {"data", "metadata"} or name in self._secrets

    def handle(self, operation: str, path: str, body: Mapping[str, Any], query: Mapping[str, str]) -> Reply:
        kind, slash, name = path.partition("/")
        handlers: dict[tuple[str, str], Callable[[], Reply]] = {
            ("data", "read"): lambda: self._read(name, query),
            ("data", "update"): lambda: self._write(name, body),
            ("data", "delete"): lambda: self._mark(name, [len(self._secrets.get(name, []))], _Version.delete),
            ("delete", "update"): lambda: self._mark(name, _numbers(body), _Version.delete),
            ("undelete", "update"): lambda: self._mark(name, _numbers(body), _Version.undelete),
            ("destroy", "update"): lambda: self._mark(name, _numbers(body), _Version.destroy),
            ("metadata", "read"): lambda: self._metadata(name),
            ("metadata", "delete"): lambda: self._forget(name),
            ("metadata", "list"): lambda: _list_folder(self._secrets, name),
        }
        known = kind in {kind for kind, _ in handlers}
        if known and not slash and operation != "list":
            return wrap_data(None, status=404, warnings=[_ROOT_OF_MOUNT])
        if not known:
            warning = _INVALID_PATH.format(_COMMANDS.get(operation, operation))
            return wrap_data(None, status=404, warnings=[warning])
        if (kind, operation) != ("data", "read"):
            _allow_only(query)
        if handler := handlers.get((kind, operation)):
            return handler()
        raise RefusalError(405, _UNSUPPORTED)

    def _read(self, name: str, query: Mapping[str, str]) -> Reply:
        _allow_only(query, "version")
        versions = self._secrets.get(name, [])
        number = int(query.get("version", 0)) or len(versions)
        if not 0 < number <= len(versions):
            raise RefusalError(404)
        stored = versions[number - 1]
        data = {"data": None if stored.gone else stored.data, "metadata": self._describe(name, number)}
        return wrap_data(data, status=404 if stored.gone else 200)

    def _write(self, name: str, body: Mapping[str, Any]) -> Reply:
        if "data" not in body:
            raise RefusalError(400, "no data provided")
        data, options = _mapping(body, "data"), _mapping(body, "options")
        self._check_and_set(len(self._secrets.get(name, [])), options)
        self._secrets.setdefault(name, []).append(_Version(data))
        unknown = " ".join(sorted(set(body) - {"data", "options", "version"}))
        warnings = [f"Endpoint ignored these unrecognized parameters: [{unknown}]"] if unknown else []
        return wrap_data(self._describe(name, len(self._secrets[name])), warnings=warnings)

    def _check_and_set(self, current: int, options: Mapping[str, Any]) -> None:
        if "cas" not in options:
            if self._cas_required:
                raise RefusalError(400, "check-and-set parameter required for this call")
            return
        try:
            cas = int(options["cas"] or 0)
        except (TypeError, ValueError):
            raise RefusalError(400, "error parsing check-and-set parameter") from None
        if cas != current:
            raise RefusalError(400, "check-and-set parameter did not match the current version")

    def _mark(self, name: str, numbers: list[int], mark: Callable[[_Version], None]) -> Reply:
        for number, version in enumerate(self._secrets.get(name, []), 1):
            if number in numbers:
                mark(version)
        return DONE

    def _metadata(self, name: str) -> Reply:
        if name not in self._secrets:
            raise RefusalError(404)
        versions = {str(number): version.describe() for number, version in enumerate(self._secrets[name], 1)}
        return wrap_data({"current_version": len(versions), "custom_metadata": None, "versions": versions})

    def _forget(self, name: str) -> Reply:
        self._secrets.pop(name, None)
        return DONE

    def _describe(self, name: str, number: int) -> dict[str, Any]:
        return {**self._secrets[name][number - 1].describe(), "custom_metadata": None, "version": number}


def _list_folder(paths: Iterable[str], folder: str) -> Reply:
    """Return the names in a folder; those of folders end in a slash."""
    prefix = f"{folder.rstrip('/')}/" if folder else ""
    below = (path.removeprefix(prefix) for path in paths if path.startswith(prefix))
    names = sorted({f"{name.partition('/')[0]}/" if "/" in name else name for name in below})
    if not names:
        raise RefusalError(404)
    return wrap_data({"keys": names})


def _allow_only(query: Mapping[str, str], *names: str) -> None:
    if unknown := sorted(set(query) - set(names)):
        # An unknown parameter is an error: a wrong answer would hide it.
        raise RefusalError(501, f"the fake Vault does not know the parameters {unknown}")


def _mapping(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    given = body.get(name)
    if given is not None and not isinstance(given, dict):
        raise RefusalError(400, f'error converting input for field "{name}"')
    return dict(given or {})


def _numbers(body: Mapping[str, Any]) -> list[int]:
    if not body.get("versions"):
        raise RefusalError(400, "No version number provided")
    return [int(number) for number in body["versions"]]
