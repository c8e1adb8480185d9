"""The two versions of Vault's KV engine: version 2 compares and sets; in version 1 the last writer wins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hvac.exceptions import InvalidPath

from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
    SecretStoreConflictError,
    SecretStoreDeniedError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic.secret_stores.vault.client import VaultClient

__all__ = ["KvV1", "KvV2", "SecretVersion", "select_engine"]

# No secret has this revision: Vault checks the rights of a write with it, and then rejects it.
_NO_REVISION = 2**31 - 1


class SecretVersion(NamedTuple):
    """A version of a secret.

    :param content: None if the secret does not exist, and after a write.
    :param revision: its number; always 0 in version 1 of the engine.
    :param expires: when Vault will delete it by itself (``delete_version_after``), or empty.
    """

    content: Any
    revision: int
    expires: str = ""

    def __repr__(self) -> str:
        """Show no content."""
        return f"SecretVersion({self.revision})"


class KvV2:
    """Version 2: each write makes a version, and sends ``cas``, which also serves mounts with ``cas_required``.

    Every method, of either version, may raise what :meth:`VaultClient.call` raises, except ``InvalidPath``.
    """

    compare_and_set = True

    def __init__(self, client: VaultClient, mount: str) -> None:
        self._client, self._mount = client, mount

    def read(self, path: str) -> SecretVersion:
        """Return the latest version; its content is None if the secret does not exist."""
        try:
            answer = self._client.call(
                "secrets.kv.v2.read_secret_version",
                f"read {self._mount}/data/{path}",
                expect_missing=True,
                path=path,
                mount_point=self._mount,
                raise_on_deleted_version=True,
            )
        except InvalidPath as error:
            _refuse_unknown_mount(error, self._mount)
            # After a deletion, the next write has to name the deleted version.
            body = error.json if isinstance(error.json, dict) else {}
            metadata = (body.get("data") or {}).get("metadata") or {}
            return SecretVersion(None, int(metadata.get("version") or 0))
        return _parse_version(answer["data"]["metadata"], answer["data"]["data"])

    def write(self, path: str, content: Any, over: int) -> SecretVersion:
        """Write over this revision, and return the new version."""
        answer = self._client.call(
            "secrets.kv.v2.create_or_update_secret",
            f"create or update {self._mount}/data/{path}",
            path=path,
            secret=content,
            cas=over,
            mount_point=self._mount,
        )
        return _parse_version(answer["data"])

    def check(self, path: str, *, exists: bool, record: str) -> None:  # noqa: ARG002 (Vault tells create from update)
        """Check the right to write without a change: no secret has the revision that the write would replace."""
        try:
            self.write(path, {}, _NO_REVISION)
        except SecretStoreConflictError:
            return
        raise SecretStoreConfigurationError(
            "Vault accepted a write that it had to reject. The secret may be empty now. Check this secret, and report "
            "the error.",
            reason="unexpected",
        )

    def create_record(self, record: str, content: Any) -> SecretVersion:
        """Write a record that does not exist, and check the right to write it again."""
        written = self.write(record, content, 0)
        self.check(record, exists=True, record=record)
        return written

    def delete(self, path: str, revision: int) -> None:
        """Delete a version; a missing one is no error."""
        # Not DELETE of data/, which deletes whatever is the latest: this names the version that was read, so a newer
        # one stays. It needs no greater right: "update" on delete/, which leads to no data, instead of "delete" on
        # data/. After either, the version can be undeleted.
        self._client.call(
            "secrets.kv.v2.delete_secret_versions",
            f"update {self._mount}/delete/{path}",
            path=path,
            versions=[revision],
            mount_point=self._mount,
        )


class KvV1:
    """Version 1: a secret has one content, and the last writer wins."""

    compare_and_set = False

    def __init__(self, client: VaultClient, mount: str) -> None:
        self._client, self._mount = client, mount

    def read(self, path: str) -> SecretVersion:
        """Return the content; None if the secret does not exist."""
        try:
            answer = self._client.call(
                "secrets.kv.v1.read_secret",
                f"read {self._mount}/{path}",
                expect_missing=True,
                path=path,
                mount_point=self._mount,
            )
        except InvalidPath as error:
            _refuse_unknown_mount(error, self._mount)
            return SecretVersion(None, 0)
        return SecretVersion(answer["data"], 0)

    def write(self, path: str, content: Any, over: int) -> SecretVersion:  # noqa: ARG002 (there are no revisions)
        """Write the secret, whatever it holds now."""
        self._client.call(
            "secrets.kv.v1.create_or_update_secret",
            f"create or update {self._mount}/{path}",
            path=path,
            secret=content,
            method="POST",  # without it, hvac reads the secret first to choose a method
            mount_point=self._mount,
        )
        return SecretVersion(None, 0)

    def check(self, path: str, *, exists: bool, record: str) -> None:
        """Ask Vault for the rights to write the secret and its record."""
        self._require({path: {"update" if exists else "create"}, record: {"create", "update"}})

    def create_record(self, record: str, content: Any) -> SecretVersion:
        """Write a record."""
        return self.write(record, content, 0)

    def delete(self, path: str, revision: int) -> None:  # noqa: ARG002 (there are no revisions)
        """Delete the secret, whatever it holds now."""
        self._client.call(
            "secrets.kv.v1.delete_secret", f"delete {self._mount}/{path}", path=path, mount_point=self._mount
        )

    def _require(self, needed: Mapping[str, set[str]]) -> None:
        """Ask Vault for the rights at paths.

        :raises SecretStoreDeniedError: if one is missing.
        """
        paths = {f"{self._mount}/{path}": rights for path, rights in needed.items()}
        answer = self._client.call("sys.get_capabilities", "update sys/capabilities-self", paths=list(paths))
        for path, rights in paths.items():
            granted = set((answer.get("data") or answer).get(path) or ())
            missing = set() if "root" in granted else rights - granted
            if missing:
                raise SecretStoreDeniedError(
                    f"the policy does not allow this role to {' or '.join(sorted(missing))} {path}. Nothing was "
                    "changed. Add this right to the policy.",
                    reason="missing_right",
                )


def _parse_version(metadata: Mapping[str, Any], content: Any = None) -> SecretVersion:
    return SecretVersion(content, int(metadata["version"]), str(metadata.get("deletion_time") or ""))


def _refuse_unknown_mount(error: InvalidPath, mount: str) -> None:
    if "no handler for route" in " ".join(map(str, error.errors or [])):
        raise SecretStoreConfigurationError(
            f"no secrets engine is mounted at {mount}. Nothing was changed. Correct the mount point or the namespace.",
            reason="mount_point",
            fields=["mount_point"],
        ) from None


def select_engine(client: VaultClient, mount: str, version: int) -> KvV1 | KvV2:
    """Return the engine at a mount.

    :param version: 1 or 2, as Airflow is configured for it.
    """
    return (KvV1 if version == 1 else KvV2)(client, mount)
