"""What can the two versions of Vault's KV engine do? Version 2 compares and sets; in version 1 the last writer wins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from hvac.exceptions import InvalidPath

from airflow_provider_polytomic.exceptions import ConflictError, DeniedError, MisconfiguredError

if TYPE_CHECKING:
    from airflow_provider_polytomic.secret_stores.vault_client import VaultClient

__all__ = ["Engine", "engine_of"]

# No secret has it: a write that is sent with it is looked at for rights, and then refused.
_NO_REVISION = 2**31 - 1


class Engine(Protocol):
    """One mount. Every method may raise what :meth:`VaultClient.call` raises, but for ``InvalidPath``."""

    compare_and_set: bool

    def read(self, path: str) -> tuple[Any, int]:
        """Return content and revision; None where there is none."""

    def write(self, path: str, content: Any, over: int) -> int:
        """Write, and return the new revision.

        :param over: the revision that is replaced.
        """

    def check(self, path: str, *, exists: bool) -> None:
        """Prove the right to write, changing nothing."""


class _Version2:
    """Each write makes a version; ``cas`` is always sent, which also serves mounts with ``cas_required``."""

    compare_and_set = True

    def __init__(self, client: VaultClient, mount: str) -> None:
        self._client, self._mount = client, mount

    def read(self, path: str) -> tuple[Any, int]:
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
            data = (error.json or {}).get("data") or {} if isinstance(error.json, dict) else {}
            return None, int((data.get("metadata") or {}).get("version") or 0)
        data = answer["data"]
        return data["data"], int(data["metadata"]["version"])

    def write(self, path: str, content: Any, over: int) -> int:
        answer = self._client.call(
            lambda client: client.secrets.kv.v2.create_or_update_secret(
                path=path, secret=content, cas=over, mount_point=self._mount
            ),
            f"create or update {self._mount}/data/{path}",
        )
        return int(answer["data"]["version"])

    def check(self, path: str, *, exists: bool) -> None:  # noqa: ARG002 (Vault tells create from update itself)
        try:
            self.write(path, {}, _NO_REVISION)
        except ConflictError:
            return
        raise MisconfiguredError("Vault took a write that it had to refuse. Look at this secret, and report it.")


class _Version1:
    """A secret has one content, and the last writer wins."""

    compare_and_set = False

    def __init__(self, client: VaultClient, mount: str) -> None:
        self._client, self._mount = client, mount

    def read(self, path: str) -> tuple[Any, int]:
        try:
            answer = self._client.call(
                lambda client: client.secrets.kv.v1.read_secret(path=path, mount_point=self._mount),
                f"read {self._mount}/{path}",
            )
        except InvalidPath as error:
            _refuse_unknown_mount(error, self._mount)
            return None, 0
        return answer["data"], 0

    def write(self, path: str, content: Any, over: int) -> int:  # noqa: ARG002 (there are no revisions)
        self._client.call(
            # With the method named; otherwise hvac reads the secret first to choose one.
            lambda client: client.secrets.kv.v1.create_or_update_secret(
                path=path, secret=content, method="POST", mount_point=self._mount
            ),
            f"create or update {self._mount}/{path}",
        )
        return 0

    def check(self, path: str, *, exists: bool) -> None:
        whole = f"{self._mount}/{path}"
        answer = self._client.call(
            lambda client: client.sys.get_capabilities(paths=[whole]), "update sys/capabilities-self"
        )
        granted = set((answer.get("data") or answer).get(whole) or ())
        needed = "update" if exists else "create"
        if not granted & {needed, "root"}:
            raise DeniedError(
                f"the policy does not let this role {needed} {whole}. Nothing was changed. Add it to the policy."
            )


def _refuse_unknown_mount(error: InvalidPath, mount: str) -> None:
    if "no handler for route" in " ".join(map(str, error.errors or [])):
        raise MisconfiguredError(
            f"there is no secrets engine at {mount}. Nothing was changed. Correct the mount point."
        ) from None


def engine_of(client: VaultClient, mount: str, version: int) -> Engine:
    """Return the engine at a mount.

    :param version: 1 or 2, as Airflow is configured for it.
    """
    return (_Version1 if version == 1 else _Version2)(client, mount)
