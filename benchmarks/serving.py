"""The servers of a measurement: the emulated Polytomic and the fake Vault, each in its own process.

    python -m benchmarks.serving polytomic CUSTOMERS
    python -m benchmarks.serving vault

Both print one line of JSON and exit at the end of their stdin.
"""

from __future__ import annotations

import json
import sys
from typing import Any

__all__: list[str] = []

# The emulator looks through all organizations, and all users of one, for a name that is taken.
_USERS_OF_EACH = 100


def _polytomic(customers: int) -> None:
    from airflow_provider_polytomic.testing import PolytomicEmulator

    with PolytomicEmulator() as emulator:
        targets = []
        for number in range(customers):
            if number % _USERS_OF_EACH == 0:
                organization = emulator.add_organization(f"Organization {number // _USERS_OF_EACH}")
            user = emulator.add_user(organization.id, f"customer-{number}@acme.example")
            targets.append([organization.id, user.id])
        _announce({"url": emulator.base_url, "partner_key": emulator.partner_key, "targets": targets})


def _vault() -> None:
    from tests.fakes.vault_fake import VaultFake

    with VaultFake() as vault:
        _announce({"url": vault.url, "token": vault.root_token, "version": "fake Vault of the tests"})


def _announce(facts: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    if sys.argv[1] == "polytomic":
        _polytomic(int(sys.argv[2]))
    else:
        _vault()
