"""Names under which Airflow's own backend reads a secret that a destination outside Airflow writes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_provider_polytomic._support.ids import find_conn_id_problem
from airflow_provider_polytomic.exceptions import (
    SecretStoreConfigurationError,
    SecretStoreDeniedError,
)
from airflow_provider_polytomic.secret_stores.destination import Destination

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Literal

    from airflow_provider_polytomic.secret_stores.base import SecretStore

    Alias = tuple[Literal["connection", "variable"], str]

__all__ = ["find_aliases"]

# Stores whose identity ends in the field of the secret.
_WITH_FIELD = {"vault", "aws-secretsmanager"}


def find_aliases(
    destination: Destination, identity: str, open_in_airflow: Callable[[Destination], SecretStore]
) -> list[Alias]:
    """Return the connection and the Variable that the configured backend reads from the same secret.

    The backend's prefixes are not reimplemented: each end of the path is tried as a name.

    :param destination: the one outside Airflow.
    :param identity: of its store.
    :param open_in_airflow: opens a destination on the configured backend.
    :raises SecretStoreUnavailableError: if the backend's server does not answer.
    """
    secret = _secret_of(identity)
    aliases: list[Alias] = []
    for kind, name in _candidates(destination):
        try:
            other = open_in_airflow(Destination("airflow", kind, name)).identity
        except (SecretStoreConfigurationError, SecretStoreDeniedError):  # it never reads this name
            continue
        if _secret_of(other)[0] != secret[0]:  # a backend of another kind
            break
        if _secret_of(other) == secret:
            aliases.append((kind, name))
    return aliases


def _candidates(destination: Destination) -> Iterator[Alias]:
    path = destination.name
    starts = [0, *(match.end() for match in re.finditer(r"[^A-Za-z0-9]", path))]
    names = [path[start:] for start in starts if path[start:]]
    if destination.authority:  # Vault's backend without a mount point: each id begins with one
        names += [f"{destination.authority}/{name}" for name in names]
    for name in names:
        if find_conn_id_problem(name) is None:
            yield "connection", name
        yield "variable", name


def _secret_of(identity: str) -> list[str]:
    parts = identity.split("|")
    return parts[:-1] if parts[0] in _WITH_FIELD else parts
