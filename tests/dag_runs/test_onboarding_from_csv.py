"""The example that onboards the customers of a CSV file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.dag_runs.examples import example
from tests.dag_runs.in_process import run_dag
from tests.onboarding_state import onboarded, state_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dag_runs.in_process import Run
    from tests.fixtures import Scene

pytestmark = pytest.mark.usefixtures("airflow_db")

DAG_ID = "polytomic_onboarding_from_csv"
HEADER = "organization,email,roles,destination"
GLOBEX = "Globex,hank@globex.example,,airflow://connection/globex_polytomic"
INITECH = '"Initech, Inc.",bill@initech.example,Admin; Viewer,airflow://connection/initech_polytomic'


def run_with(file: Path, *rows: str) -> Run:
    file.write_text("\n".join([HEADER, *rows]), encoding="utf-8-sig")
    return run_dag(example(DAG_ID, any_file=True), conf={"file": file.as_uri()})


def assert_onboarded(scene: Scene, name: str, email: str, roles: list[str], conn_id: str) -> None:
    assert state_of(scene.emulator, name) == onboarded(name, email, roles)
    (organization,) = [each for each in scene.emulator.organizations() if each.name == name]
    (user,) = scene.emulator.users_of(organization.id)
    assert scene.stored(conn_id) == scene.emulator.live_key(user.id)


def test_an_empty_roles_cell_means_the_default_roles(scene: Scene, tmp_path: Path) -> None:
    run = run_with(tmp_path / "customers.csv", GLOBEX, INITECH)
    assert set(run.states.values()) == {"success"}
    assert len(run.states) == 1 + 3 * 2
    assert_onboarded(scene, "Globex", "hank@globex.example", ["Editor"], "globex_polytomic")
    assert_onboarded(scene, "Initech, Inc.", "bill@initech.example", ["Admin", "Viewer"], "initech_polytomic")


def test_a_second_run_onboards_only_the_row_that_was_added(scene: Scene, tmp_path: Path) -> None:
    for rows in ([GLOBEX], [GLOBEX, INITECH]):
        assert run_with(tmp_path / "customers.csv", *rows).state == "success"
    assert_onboarded(scene, "Globex", "hank@globex.example", ["Editor"], "globex_polytomic")
    assert len(scene.emulator.invitations) == scene.emulator.minted() == 2


@pytest.mark.parametrize("row", [INITECH.replace('"', ""), "Initech,bill@initech.example"])
def test_a_row_with_too_many_or_too_few_cells_fails_before_any_request(scene: Scene, tmp_path: Path, row: str) -> None:
    run = run_with(tmp_path / "customers.csv", GLOBEX, row)
    assert run.state == "failed"
    assert run.states["customers"] == "failed"
    assert scene.emulator.requests == []


@pytest.mark.parametrize(
    ("row", "task_id"),
    [(INITECH.replace("Viewer", "Owner"), "create_user"), (INITECH.replace("airflow://", ""), "issue_api_key")],
)
def test_a_row_with_an_invalid_cell_stops_no_other_row(scene: Scene, tmp_path: Path, row: str, task_id: str) -> None:
    run = run_with(tmp_path / "customers.csv", row, GLOBEX)
    assert run.state == "failed"
    assert (run.states[f"onboard.{task_id}[0]"], run.tries[f"onboard.{task_id}[0]"]) == ("failed", 1)
    assert_onboarded(scene, "Globex", "hank@globex.example", ["Editor"], "globex_polytomic")
