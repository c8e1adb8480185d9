"""Which issuances into the stores of companies are run to see what they leave behind? The same ones on each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.airflow.cases import INCOMPLETE, REFUSED, failed, went_well

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.airflow.cases import Case

__all__ = ["ON_STORES", "READ_BY_AIRFLOW", "STORES"]

# By what their cases are called after.
STORES = {"vault": "vault-kv2", "secrets_manager": "aws-secrets-manager", "ssm": "aws-ssm"}
_RENEWED = {"force": True, "take_over": True}


def _on(name: str, store: str) -> Iterator[Case]:
    yield went_well(f"issued_on_{name}", store=store)
    yield went_well(f"outside_on_{name}", store=store, stocked=True, outside=True, given=_RENEWED)
    denied: dict[str, Any] = {"stocked": True, "meanwhile": "denied", "given": {**_RENEWED, "tell_all": True}}
    yield failed(f"denied_on_{name}", INCOMPLETE, 1, store=store, **denied)
    yield failed(f"conflict_on_{name}", REFUSED, 1, store=store, meanwhile="foreign", given={"tell_all": True})


ON_STORES = tuple(case for name, store in STORES.items() for case in _on(name, store))

# A consumer reads these through Airflow's own backends for AWS.
READ_BY_AIRFLOW = ("issued_on_secrets_manager", "issued_on_ssm")
