"""Issuances into external stores that are searched for leaks, the same ones on each store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.airflow.cases import INCOMPLETE, REFUSED, failed, succeeded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.airflow.cases import Case

__all__ = ["ON_STORES", "READ_BY_AIRFLOW", "STORES"]

# Stores by the suffix of their cases.
STORES = {"vault": "vault-kv2", "secrets_manager": "aws-secrets-manager", "ssm": "aws-ssm"}
_FORCED = {"force": True, "take_over": True}


def _on(name: str, store: str) -> Iterator[Case]:
    yield succeeded(f"issued_on_{name}", store=store)
    yield succeeded(f"outside_on_{name}", store=store, stocked=True, outside=True, given=_FORCED)
    denied: dict[str, Any] = {"stocked": True, "meanwhile": "denied", "given": {**_FORCED, "tell_all": True}}
    yield failed(f"denied_on_{name}", INCOMPLETE, 1, store=store, **denied)
    yield failed(f"conflict_on_{name}", REFUSED, 1, store=store, meanwhile="foreign", given={"tell_all": True})


ON_STORES = tuple(case for name, store in STORES.items() for case in _on(name, store))

# Cases whose key a consumer reads through Airflow's backends for AWS.
READ_BY_AIRFLOW = ("issued_on_secrets_manager", "issued_on_ssm")
