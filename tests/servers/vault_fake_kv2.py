"""How do the fake's KV version 2 mounts answer? Versions, check-and-set, deleted and destroyed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.servers.vault_fake_kv import listed
from tests.servers.vault_fake_replies import DONE, RefusalError, Reply, enveloped
from tests.servers.vault_fake_versions import Secret, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["KvV2"]

_INVALID_PATH = (
    "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. "
    "If using the Vault CLI, use 'vault kv {}' for this operation."
)
_ROOT_OF_MOUNT = "Non-listing operations on the root of a K/V v2 mount are not supported."
_COMMANDS = {"read": "get", "create": "put", "update": "put"}


class KvV2:
    """A mount of version 2.

    :param cas_required: whether every write on the mount must name the version that it replaces.
    """

    version = "2"

    def __init__(self, *, cas_required: bool = False) -> None:
        self._cas_required = cas_required
        self._max_versions = 0
        self._secrets: dict[str, Secret] = {}

    def exists(self, path: str) -> bool:
        """Whether there is metadata, be the versions deleted or destroyed; elsewhere every write is an update."""
        kind, _, name = path.partition("/")
        return kind not in {"data", "metadata"} or name in self._secrets

    def handle(self, operation: str, path: str, body: Mapping[str, Any], query: Mapping[str, str]) -> Reply:
        """Answer a request that the policies allow."""
        kind, slash, name = path.partition("/")
        operation = "update" if operation == "create" else operation
        if path == "config":
            return self._config(operation, body)
        if not slash and operation != "list" and kind in {"data", "metadata", "delete", "undelete", "destroy"}:
            return enveloped(None, status=404, warnings=[_ROOT_OF_MOUNT])
        handlers: dict[tuple[str, str], Callable[[], Reply]] = {
            ("data", "read"): lambda: self._read(name, query.get("version", "0")),
            ("data", "update"): lambda: self._write(name, body),
            ("data", "delete"): lambda: self._mark(name, None, Version.delete),
            ("delete", "update"): lambda: self._mark(name, _numbers(body), Version.delete),
            ("undelete", "update"): lambda: self._mark(name, _numbers(body), Version.undelete),
            ("destroy", "update"): lambda: self._mark(name, _numbers(body), Version.destroy),
            ("metadata", "read"): lambda: self._metadata(name),
            ("metadata", "update"): lambda: self._set_metadata(name, body),
            ("metadata", "delete"): lambda: self._forget(name),
            ("metadata", "list"): lambda: listed(self._secrets, name),
        }
        if handler := handlers.get((kind, operation)):
            return handler()
        if slash and kind in {known for known, _ in handlers}:
            raise RefusalError(405, "1 error occurred:\n\t* unsupported operation\n\n")
        return enveloped(None, status=404, warnings=[_INVALID_PATH.format(_COMMANDS.get(operation, operation))])

    def _config(self, operation: str, body: Mapping[str, Any]) -> Reply:
        if operation == "update":
            self._cas_required = bool(body.get("cas_required", self._cas_required))
            self._max_versions = int(body.get("max_versions", self._max_versions))
            return DONE
        return enveloped(
            {"cas_required": self._cas_required, "delete_version_after": "0s", "max_versions": self._max_versions}
        )

    def _read(self, name: str, version: str) -> Reply:
        if not version.removeprefix("-").isdigit():
            raise RefusalError(400, 'Field validation failed: error converting input for field "version"')
        secret = self._secrets.get(name)
        number = int(version) if int(version) > 0 or secret is None else secret.current
        if secret is None or number not in secret.versions:
            raise RefusalError(404)
        held = secret.versions[number]
        data = {"data": None if held.gone else held.data, "metadata": secret.described(number)}
        return enveloped(data, status=404 if held.gone else 200)

    def _write(self, name: str, body: Mapping[str, Any]) -> Reply:
        if "data" not in body:
            raise RefusalError(400, "no data provided")
        data, options = _mapping(body, "data"), _mapping(body, "options")
        secret = self._secrets.get(name) or Secret()
        self._check_and_set(secret, options)
        self._secrets[name] = secret
        secret.add(data, self._max_versions)
        unknown = " ".join(sorted(set(body) - {"data", "options", "version"}))
        warnings = [f"Endpoint ignored these unrecognized parameters: [{unknown}]"] if unknown else []
        return enveloped(secret.described(secret.current), warnings=warnings)

    def _check_and_set(self, secret: Secret, options: Mapping[str, Any]) -> None:
        if "cas" in options:
            try:
                cas = int(options["cas"] or 0)
            except (TypeError, ValueError):
                raise RefusalError(400, "error parsing check-and-set parameter") from None
            if cas != secret.current:
                raise RefusalError(400, "check-and-set parameter did not match the current version")
        elif self._cas_required or secret.cas_required:
            raise RefusalError(400, "check-and-set parameter required for this call")

    def _mark(self, name: str, numbers: list[int] | None, mark: Callable[[Version], None]) -> Reply:
        secret = self._secrets.get(name) or Secret()
        wanted = [secret.current] if numbers is None else numbers
        for number in wanted:
            if number in secret.versions:
                mark(secret.versions[number])
        return DONE

    def _metadata(self, name: str) -> Reply:
        secret = self._secrets.get(name)
        if secret is None:
            raise RefusalError(404)
        return enveloped(secret.metadata())

    def _set_metadata(self, name: str, body: Mapping[str, Any]) -> Reply:
        secret = self._secrets.setdefault(name, Secret())
        secret.cas_required = bool(body.get("cas_required", secret.cas_required))
        secret.max_versions = int(body.get("max_versions", secret.max_versions))
        if "custom_metadata" in body:
            secret.custom_metadata = dict(body["custom_metadata"])
        return DONE

    def _forget(self, name: str) -> Reply:
        self._secrets.pop(name, None)
        return DONE


def _mapping(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    given = body.get(name)
    if given is not None and not isinstance(given, dict):
        raise RefusalError(400, f'error converting input for field "{name}"')
    return dict(given or {})


def _numbers(body: Mapping[str, Any]) -> list[int]:
    if not body.get("versions"):
        raise RefusalError(400, "No version number provided")
    return [int(number) for number in body["versions"]]
