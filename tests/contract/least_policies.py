"""The kinds of store whose page has policies, each opened on a server as its page says."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.docs.pages import codes, rows
from tests.docs.policies import policy
from tests.docs.store_pages import ParameterStorePage, SecretsManagerPage, VaultPage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.docs.policies import Policy, Reduced
    from tests.docs.store_pages import StorePage

    Make = Callable[[pytest.FixtureRequest, str, pytest.MonkeyPatch, Path], StorePage]

__all__ = ["KINDS", "Kind"]


@dataclass(frozen=True)
class Kind:
    """One kind of store, with its policies.

    :param servers: the fixtures of the servers.
    :param make: opens the store of the page on a server.
    :param worker: the policy of the identity that writes.
    :param consumer: the policy of a backend that only reads.
    :param remover: the additional policy of an identity that removes.
    :param tried: the rights that are left out one by one; empty means all.
    """

    page: str
    servers: tuple[str, ...]
    make: Make
    worker: Policy
    consumer: Policy
    remover: Policy
    tried: tuple[str, ...] = ()

    @property
    def places(self) -> dict[str, str]:
        """The destinations of the page, with the paths of their secrets."""
        paths = {codes(row[0])[0]: codes(row[1])[0] for row in rows(self.page, "Destinations")}
        # With a customer managed key, a person has created the connection, without a password.
        return {uri: path for uri, path in paths.items() if not self.tried or "connection/" in uri}

    def destination(self, role: str, less: Reduced) -> str:
        """Return a destination that needs the right, or any destination if all need it.

        :param role: a ``consumer`` only reads, so the destination names a connection that writes.
        """
        (writer,) = {found[0] for uri in self.places if (found := re.findall(r"^airflow://(\w+)@", uri))}
        direct = {uri: place for uri, place in self.places.items() if not uri.startswith(f"airflow://{writer}@")}
        # Vault's path for a deletion has another word after the mount.
        served = [
            uri
            for uri, place in direct.items()
            if less.is_about(place) or less.is_about(place.replace("/", "/delete/", 1))
        ]
        uri = (served or list(direct))[0]
        return uri.replace("airflow://", f"airflow://{writer}@") if role == "consumer" else uri


def _vault(version: int) -> Make:
    return lambda request, server, patch, folder: VaultPage(request.getfixturevalue(server), version, patch, folder)


def _vault_kinds() -> dict[str, Kind]:
    page, servers = VaultPage.page, ("shared_vault_fake", "vault_real")
    worker, consumer = policy(page, "worker"), policy(page, "consumer")
    version_1 = worker.without_data() + policy(page, "worker kv1")
    return {
        "kv2": Kind(page, servers, _vault(2), worker, consumer, policy(page, "worker remove")),
        "kv1": Kind(page, servers, _vault(1), version_1, consumer.without_data(), policy(page, "worker remove kv1")),
    }


def _aws_kinds(name: str, cls: type[SecretsManagerPage | ParameterStorePage]) -> dict[str, Kind]:
    """Return the store, and the store in which a person has created each secret with a customer managed key."""

    def make(request: pytest.FixtureRequest, server: str, patch: pytest.MonkeyPatch, folder: Path) -> StorePage:
        return cls(request.getfixturevalue(server), patch, folder)

    def make_with_key(
        request: pytest.FixtureRequest, server: str, patch: pytest.MonkeyPatch, folder: Path
    ) -> StorePage:
        aws = request.getfixturevalue(server)
        site = cls(aws, patch, folder, aws.key())
        for place in set(with_key.places.values()):
            site.prepare(place)
        return site

    page, servers = cls.page, ("aws_server",)
    worker, consumer, key = policy(page, "worker"), policy(page, "consumer"), policy(page, "worker kms")
    # The page says in a sentence that the consumer needs the right to decrypt.
    decrypt = replace(key, rules=(replace(key.rules[0], rights=("kms:Decrypt",)),))
    remover = policy(page, "worker remove")
    plain = Kind(page, servers, make, worker, consumer, remover)
    with_key = Kind(page, servers, make_with_key, worker + key, consumer + decrypt, remover, key.rules[0].rights)
    return {name: plain, f"{name}-kms": with_key}


KINDS = {
    **_vault_kinds(),
    **_aws_kinds("secretsmanager", SecretsManagerPage),
    **_aws_kinds("ssm", ParameterStorePage),
}
