"""Whom do the example DAGs onboard? One who leaves again, and many over a bad line, one of them in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.testing import PolytomicEmulator

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GLOBEX", "HOPELESS", "OCCUPIED", "destination_of", "many", "unsteady_polytomic"]

GLOBEX = {
    "organization": "Globex",
    "email": "Scorpio@Globex.example",
    "role": "Sync Editor",
    "destination": "airflow://connection/globex_polytomic",
}

# The customer whose connection is somebody else's already.
HOPELESS = "warehouse"
OCCUPIED = f"{HOPELESS}_polytomic"

# One request in ten: it is lost, its answer is, or a proxy answers instead. With these seeds each of them strikes
# within the first nine requests, so that few customers meet them too.
_FAULTS = (
    "drop share=0.04 seed=3 times=always",
    "drop when=after share=0.03 seed=24 times=always",
    "status:503 share=0.03 seed=48 times=always",
)


def many(number: int) -> list[dict[str, str]]:
    """Return so many customers as the DAG takes them; the last is the hopeless one."""
    names = [f"customer_{each}" for each in range(1, number)]
    return [
        {"name": name, "organization": f"{name} Ltd", "email": f"ada@{name}.example".replace("_", "-")}
        for name in [*names, HOPELESS]
    ]


def destination_of(customer: Mapping[str, Any]) -> str:
    """Return where the DAG puts the key of one of many."""
    return f"airflow://connection/{customer['name']}_polytomic"


def unsteady_polytomic() -> PolytomicEmulator:
    """Return a Polytomic over a bad line."""
    emulator = PolytomicEmulator()
    for fault in _FAULTS:
        emulator.inject(fault)
    return emulator
