"""What can the two versions of Vault's KV engine do? Version 2 compares and sets; in version 1 the last writer wins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hvac.exceptions import InvalidPath

from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
    SecretStoreConflictError,
    SecretStoreDeniedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_polytomic.secret_stores.vault.client import VaultClient

__all__ = ["SecretVersion", "select_engine"]

# No secret has it: a write that is sent with it is looked at for rights, and then refused.
_NO_REVISION = 2**31 - 1


class SecretVersion(NamedTuple):
    """A version of a secret.

    :param content: None where there is none; left out of what a write returns.
    :param revision: its number; of version 1 of the engine always 0.
    :param expires: when Vault will delete it by itself (``delete_version_after``), or empty.
    """

    content: Any
    revision: int
    expires: str = ""

    def __repr__(self) -> str:
        """Show no content."""
        return f"Version({self.revision})"


class KvV2:
    """Each write makes a version; ``cas`` is always sent, which also serves mounts with ``cas_required``.

    Every method, of either version, may raise what :meth:`VaultClient.call` raises, but for ``InvalidPath``.
    """

    compare_and_set = True

    def __init__(self, client: VaultClient, mount: str) -> None:
        self._client, self._mount = client, mount

    def read(self, path: str) -> SecretVersion:
        """Return the latest version; its content is None where there is none."""
        try:
            answer = self._client.call(
                lambda client: client.secrets.kv.v2.read_secret_version(
                    path=path, mount_point=self._mount, raise_on_deleted_version=True
                ),
                f"read {self._mount}/data/{path}",
            )
        except InvalidPath as error:
            _refuse_unknown_mount(error, self._mount)
            # After a deletion, the next write has to name the deleted version.
            body = error.json if isinstance(error.json, dict) else {}
            metadata = (body.get("data") or {}).get("metadata") or {}
            return SecretVersion(None, int(metadata.get("version") or 0))
        data, metadata = answer["data"]["data"], answer["data"]["metadata"]
        return SecretVersion(data, int(metadata["version"]), str(metadata.get("deletion_time") or ""))

    def write(self, path: str, content: Any, over: int) -> SecretVersion:
        """Write over this revision, and return the new version."""
        answer = _written(
            self._client,
            lambda client: client.secrets.kv.v2.create_or_update_secret(
                path=path, secret=content, cas=over, mount_point=self._mount
            ),
            f"create or update {self._mount}/data/{path}",
        )
        metadata = answer["data"]
        return SecretVersion(None, int(metadata["version"]), str(metadata.get("deletion_time") or ""))

    def check(self, path: str, *, exists: bool, record: str) -> None:  # noqa: ARG002 (Vault tells create from update)
        """Prove the right to write, changing nothing: no secret has the revision that is to be replaced."""
        try:
            self.write(path, {}, _NO_REVISION)
        except SecretStoreConflictError:
            return
        raise SecretStoreConfigurationError(
            "Vault took a write that it had to refuse. Look at this secret, and report it.", reason="unexpected"
        )

    def create_record(self, record: str, content: Any) -> SecretVersion:
        """Write where nothing is, and prove the right to write there again."""
        written = self.write(record, content, 0)
        self.check(record, exists=True, record=record)
        return written

    def delete(self, path: str, revision: int) -> None:
        """Take a version away from readers; nothing there is no error."""
        # Not DELETE of data/, which takes whatever is the latest: this names the version that was read, so what
        # somebody wrote a moment ago stays. The right is no greater: "update" on delete/, which leads to no data, in
        # place of "delete" on data/. After either, the version can be undeleted.
        _written(
            self._client,
            lambda client: client.secrets.kv.v2.delete_secret_versions(
                path=path, versions=[revision], mount_point=self._mount
            ),
            f"update {self._mount}/delete/{path}",
        )


class KvV1:
    """A secret has one content, and the last writer wins."""

    compare_and_set = False

    def __init__(self, client: VaultClient, mount: str) -> None:
        self._client, self._mount = client, mount

    def read(self, path: str) -> SecretVersion:
        try:
            answer = self._client.call(
                lambda client: client.secrets.kv.v1.read_secret(path=path, mount_point=self._mount),
                f"read {self._mount}/{path}",
            )
        except InvalidPath as error:
            _refuse_unknown_mount(error, self._mount)
            return SecretVersion(None, 0)
        return SecretVersion(answer["data"], 0)

    def write(self, path: str, content: Any, over: int) -> SecretVersion:  # noqa: ARG002 (there are no revisions)
        _written(
            self._client,
            # With the method named; otherwise hvac reads the secret first to choose one.
            lambda client: client.secrets.kv.v1.create_or_update_secret(
                path=path, secret=content, method="POST", mount_point=self._mount
            ),
            f"create or update {self._mount}/{path}",
        )
        return SecretVersion(None, 0)

    def check(self, path: str, *, exists: bool, record: str) -> None:
        self._require({path: {"update" if exists else "create"}, record: {"create", "update"}})

    def create_record(self, record: str, content: Any) -> SecretVersion:
        return self.write(record, content, 0)

    def delete(self, path: str, revision: int) -> None:  # noqa: ARG002 (there are no revisions)
        _written(
            self._client,
            lambda client: client.secrets.kv.v1.delete_secret(path=path, mount_point=self._mount),
            f"delete {self._mount}/{path}",
        )

    def _require(self, needed: Mapping[str, set[str]]) -> None:
        """Ask Vault for the rights at paths.

        :raises SecretStoreDeniedError: if one is missing.
        """
        paths = {f"{self._mount}/{each}": rights for each, rights in needed.items()}
        answer = self._client.call(
            lambda client: client.sys.get_capabilities(paths=list(paths)), "update sys/capabilities-self"
        )
        for each, rights in paths.items():
            granted = set((answer.get("data") or answer).get(each) or ())
            missing = set() if "root" in granted else rights - granted
            if missing:
                raise SecretStoreDeniedError(
                    f"the policy does not let this role {' or '.join(sorted(missing))} {each}. Nothing was changed. "
                    "Add it to the policy.",
                    reason="missing_right",
                )


def _written(client: VaultClient, operation: Callable[[Any], Any], what: str) -> Any:
    try:
        return client.call(operation, what)
    except InvalidPath:
        pass
    raise SecretStoreConfigurationError(
        f"Vault has nowhere to {what}. Nothing was changed. Correct mount point, path and version of the engine.",
        reason="nowhere_to_write",
    )


def _refuse_unknown_mount(error: InvalidPath, mount: str) -> None:
    if "no handler for route" in " ".join(map(str, error.errors or [])):
        raise SecretStoreConfigurationError(
            f"there is no secrets engine at {mount}. Nothing was changed. Correct the mount point or the namespace.",
            reason="mount_point",
            fields=["mount_point"],
        ) from None


def select_engine(client: VaultClient, mount: str, version: int) -> KvV1 | KvV2:
    """Return the engine at a mount.

    :param version: 1 or 2, as Airflow is configured for it.
    """
    return (KvV1 if version == 1 else KvV2)(client, mount)
