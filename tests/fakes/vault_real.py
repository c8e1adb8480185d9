"""Real Vault or OpenBao in its dev mode, from the binary on PATH."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from tools.airflow_sandbox.process_group import ProcessGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["VaultReal", "vault_binary"]

_START_SECONDS = 60.0


def vault_binary() -> str | None:
    """Return the binary on PATH; None without one."""
    return shutil.which("bao") or shutil.which("vault")


class VaultReal:
    """A :class:`~tests.fakes.vault_server.VaultServer` in a process of its own, which ends with this process.

    :param on_disk: keep the secrets in files. In memory, OpenBao copies all of them for each request: the first of
        2,000 writes took 1.8 ms, the last 5.8 ms; in files, each took 1.2 ms.
    :raises TimeoutError: if it does not answer within a minute.
    :raises ProcessGroupError: if it ends by itself; the message contains its output.
    """

    def __init__(self, binary: str, *, on_disk: bool = False) -> None:
        self.root_token = secrets.token_hex(16)
        self._home = tempfile.TemporaryDirectory(prefix="vault-")
        self.version = _version(binary, self._home.name)
        # Two parallel runs may choose the same port; the second then ends with an error.
        with socket.create_server(("127.0.0.1", 0)) as probe:
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.url = f"http://{address}"
        self._http = requests.Session()
        self._http.trust_env = False
        options = [f"-dev-root-token-id={self.root_token}", f"-dev-listen-address={address}", "-dev-no-store-token"]
        if on_disk:
            options.append(f"-config={self._on_disk()}")
        self._group = ProcessGroup()
        self._group.__enter__()
        try:
            console = Path(self._home.name) / "console.log"
            self._group.start("vault", [binary, "server", "-dev", *options], env=_env(self._home.name), console=console)
            self._wait()
        except BaseException:
            self.stop()
            raise

    def mount(self, path: str, version: int, *, cas_required: bool = False, namespace: str | None = None) -> None:
        """Mount a KV secrets engine, and wait until it is ready: HashiCorp Vault answers 400 at first."""
        self._ask("POST", f"sys/mounts/{path}", {"type": "kv", "options": {"version": str(version)}}, namespace)
        if version == 1:
            return
        deadline = time.monotonic() + _START_SECONDS
        while self._send("POST", f"{path}/config", {"cas_required": cas_required}, namespace).status_code == 400:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the mount {path} does not become ready")
            time.sleep(0.05)

    def policy(self, name: str, hcl: str) -> None:
        self._ask("PUT", f"sys/policies/acl/{name}", {"policy": hcl})

    def token(self, policies: Sequence[str], *, no_default: bool = False) -> str:
        body = {"policies": list(policies), "no_default_policy": no_default}
        token: str = self._ask("POST", "auth/token/create", body)["auth"]["client_token"]
        return token

    def revoke(self, token: str) -> None:
        self._ask("POST", "auth/token/revoke", {"token": token})

    def userpass(self, user: str, password: str, policies: Sequence[str]) -> None:
        if "userpass/" not in self._ask("GET", "sys/auth", None)["data"]:
            self._ask("POST", "sys/auth/userpass", {"type": "userpass"})
        body = {"password": password, "token_policies": list(policies)}
        self._ask("POST", f"auth/userpass/users/{user}", body)

    def namespace(self, name: str) -> None:
        self._ask("POST", f"sys/namespaces/{name}", {})

    def stop(self) -> None:
        """End the process."""
        self._http.close()
        self._group.stop()
        self._home.cleanup()

    def _on_disk(self) -> Path:
        config = Path(self._home.name) / "storage.hcl"
        config.write_text(f'storage "file" {{ path = "{self._home.name}/secrets" }}\n')
        return config

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._healthy():
            self._group.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.version} does not answer:\n{self._group.tail('vault')}")
            time.sleep(0.05)

    def _healthy(self) -> bool:
        """Whether it serves, and has its mount at ``secret``, which the dev mode creates last."""
        try:
            return self._send("GET", "secret/config", None).status_code == 200
        except requests.ConnectionError:
            return False

    def _ask(self, method: str, path: str, body: Any, namespace: str | None = None) -> dict[str, Any]:
        response = self._send(method, path, body, namespace)
        if not response.ok:
            # As in the fake, so that tests get the same result.
            raise ValueError(f"{method} {path}: {response.status_code} {response.text}")
        return dict(response.json()) if response.content else {}

    def _send(self, method: str, path: str, body: Any, namespace: str | None = None) -> requests.Response:
        headers = {"X-Vault-Token": self.root_token, "X-Vault-Namespace": namespace or ""}
        return self._http.request(method, f"{self.url}/v1/{path}", json=body, headers=headers, timeout=30)


def _env(home: str) -> dict[str, str]:
    # None of the developer's settings: VAULT_ADDR, a token helper, a configuration.
    return {"HOME": home, "PATH": "/usr/bin:/bin"}


def _version(binary: str, home: str) -> str:
    run = subprocess.run([binary, "version"], env=_env(home), capture_output=True, text=True, check=True)
    return run.stdout.strip()
