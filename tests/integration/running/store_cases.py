"""Which issuances into the stores of companies are run to see what they leave behind? The same ones on each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.running.cases import failed, went_well

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.running.cases import Case

__all__ = ["ON_STORES", "READ_BY_AIRFLOW", "STORES"]

# By what their cases are called after, and what each says of a writer whose right is taken away.
STORES = {
    "vault": ("vault-kv2", "Vault refuses to create or update"),
    "secrets_manager": ("aws-secrets-manager", "its KMS key cannot be used"),
    "ssm": ("aws-ssm", "its KMS key cannot be used"),
}
_RENEWED = {"force": True, "take_over": True}


def _on(name: str, store: str, denied: str) -> Iterator[Case]:
    yield went_well(f"issued_on_{name}", store=store)
    yield went_well(f"renewed_on_{name}", store=store, stocked=True, given=_RENEWED)
    yield went_well(f"outside_on_{name}", store=store, stocked=True, outside=True, given=_RENEWED)
    yield failed(
        f"denied_on_{name}",
        denied,
        1,
        store=store,
        stocked=True,
        meanwhile="denied",
        given={**_RENEWED, "tell_all": True},
    )
    yield failed(
        f"conflict_on_{name}", "say take_over=True", 1, store=store, meanwhile="foreign", given={"tell_all": True}
    )


ON_STORES = tuple(case for name, (store, denied) in STORES.items() for case in _on(name, store, denied))

# A consumer reads these through Airflow's own backends for AWS.
READ_BY_AIRFLOW = ("issued_on_secrets_manager", "issued_on_ssm")
