"""Customers for the tests of a batch, each with a user and a destination."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fixtures import Scene

__all__ = ["add_customers", "assert_one_live_key_each", "mints"]


def add_customers(scene: Scene, count: int, *, where: str = "airflow://connection") -> list[dict[str, str]]:
    """Add customers, and return their rows of a list of targets."""
    rows = []
    for number in range(count):
        organization = scene.emulator.add_organization(f"Customer {number}")
        user = scene.emulator.add_user(organization.id, "ada@customer.example")
        rows.append(
            {"org_id": organization.id, "user_id": user.id, "destination": f"{where}/customer_{number}_api_key"}
        )
    return rows


def assert_one_live_key_each(scene: Scene, rows: Sequence[dict[str, str]]) -> None:
    """Assert that each stored key is the only live key of its user."""
    entries = scene.entries()
    for row in rows:
        stored = entries[row["destination"].rpartition("/")[2]]["password"]
        assert stored == scene.emulator.live_key(row["user_id"]), row


def mints(scene: Scene, rows: Sequence[dict[str, str]]) -> list[int]:
    """Return how many keys each user has received."""
    return [scene.emulator.minted(row["user_id"]) for row in rows]
