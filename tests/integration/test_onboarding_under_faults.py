"""Are fifty customers onboarded in one run, each exactly once, while one answer in ten is lost or an error?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.examples import assert_no_key_in, example
from tests.integration.in_process import run_dag
from tests.onboarding_state import onboarded, state_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scene import Scene

pytestmark = pytest.mark.usefixtures("airflow_db")

CUSTOMERS = [
    {"name": f"customer_{number}", "organization": f"Customer {number}", "email": f"root@customer-{number}.example"}
    for number in range(50)
]
# Without the effect and after it, a quarter of the tenth each. No 500: after the effect, a second one in a row would
# say that the Idempotency-Key is spent, and so lie.
FAULTS = ["drop", "drop when=after", "status:503", "status:502 when=after"]
# One try in two fails where a task sends seven requests.
RETRIES = 25


def test_fifty_customers_are_onboarded_exactly_once_each(scene: Scene, airflow_db: Path) -> None:
    emulator = scene.emulator
    for fault in FAULTS:
        emulator.inject(f"{fault} share={0.1 / len(FAULTS)} seed=5 times=always")
    began = time.monotonic()
    run = run_dag(example("polytomic_onboarding_many", retries=RETRIES), conf={"customers": CUSTOMERS})
    seconds = time.monotonic() - began
    failed = sum(request.status != 200 for request in emulator.requests)
    counts = ", ".join(f"{name} {count}" for name, count in sorted(emulator.counts().items()))
    print(
        f"\n{len(CUSTOMERS)} customers: {len(run.states)} tasks in {sum(run.tries.values())} tries, "
        f"{len(emulator.requests)} requests ({counts}), {failed} of them lost or refused, {seconds:.0f} s"
    )
    assert set(run.states.values()) == {"success"}
    assert 0.05 < failed / len(emulator.requests) < 0.15
    for customer in CUSTOMERS:
        name, email = customer["organization"], customer["email"]
        assert state_of(emulator, name) == onboarded(name, email, ["Editor"])
        (organization,) = [each for each in emulator.organizations() if each.name == name]
        (user,) = emulator.users_of(organization.id)
        assert scene.stored(f"{customer['name']}_polytomic") == emulator.live_key(user.id)
    assert len(emulator.organizations()) == len(["the partner", "Acme", *CUSTOMERS])
    assert len(emulator.invitations) == emulator.minted() == len(CUSTOMERS)
    assert_no_key_in(airflow_db, emulator, run_id=run.run_id)
