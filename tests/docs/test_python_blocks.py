"""The Python on the pages, run for real: DAG files, tests, and pieces of DAGs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from tests.dag_runs.in_process import run_dag, xcom_of
from tests.docs.pages import Block, blocks
from tests.docs.snippets_as_dags import piece
from tests.onboarding_state import onboarded, state_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures import Scene

WITH_KEY = "with-key="
# Copies of the examples are run with the examples, in tests/dag_runs; test_onboarding_blocks.py runs the blocks with
# other notes.
PYTHON = [block for block in blocks("python") if not block.note or block.note.startswith(WITH_KEY)]
TESTS = [block for block in PYTHON if "def test_" in block.content]
DAG_FILES = [block for block in PYTHON if "@dag" in block.content]
PIECES = [block for block in PYTHON if block not in (*TESTS, *DAG_FILES)]
CUSTOMER, EMAIL = "Globex", "ada@globex.example"  # not the customer of the scene
(CONFTEST,) = blocks("python", "conftest")


@pytest.mark.parametrize("block", TESTS, ids=str)
def test_a_test_passes_as_a_file_of_its_own(block: Block, tmp_path: Path):
    (tmp_path / "conftest.py").write_text(CONFTEST.content)
    (tmp_path / "test_block.py").write_text(block.content)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        # Only the page's own file loads the fixture.
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{len(re.findall('^def test_', block.content, re.MULTILINE))} passed" in run.stdout


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize("block", DAG_FILES, ids=str)
def test_a_dag_onboards_a_customer_and_makes_nothing_more_when_it_is_run_again(
    block: Block, scene: Scene, tmp_path: Path
):
    content = block.runnable.replace("Acme", CUSTOMER).replace("acme", CUSTOMER.lower())
    dag = _dag_in(content, tmp_path / "dag_file.py")
    for _ in range(2):
        run = run_dag(dag)
        assert set(run.states.values()) == {"success"}
        assert state_of(scene.emulator, CUSTOMER) == onboarded(CUSTOMER, EMAIL, ["Editor"])
        user_id = xcom_of(run, "create_user")["id"]
        assert scene.stored("globex_polytomic") == scene.emulator.live_key(user_id)
        assert xcom_of(run, "first_call") == EMAIL
    assert len(scene.posts) == 1


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize("block", PIECES, ids=str)
def test_a_piece_runs_as_it_stands_and_its_tasks_succeed(block: Block, scene: Scene, tmp_path: Path):
    stored = _put_key(scene, block.note.removeprefix(WITH_KEY)) if block.note else None
    content = block.about(scene.ids).replace("https://app.polytomic.com", scene.emulator.base_url)
    dag = piece(content, block.place, tmp_path)
    if not dag.tasks:
        return
    run = run_dag(dag)
    assert set(run.states.values()) == {"success"}
    assert scene.stored() == (scene.emulator.live_key(scene.user.id) if scene.posts else stored)
    if block.note:
        assert [xcom_of(run, task.task_id) in {scene.user.email, "Acme"} for task in dag.tasks] == [True]
        assert not scene.posts
    else:
        assert len(scene.posts) == (0 if "check_only=True" in block.content else 1)


def _dag_in(content: str, file: Path) -> Any:
    """Return the DAG of a file, read as by Airflow's DAG processor."""
    file.write_text(content)
    if AIRFLOW_V_3_0_PLUS:
        bag = import_module("airflow.dag_processing.dagbag").DagBag(dag_folder=str(file), bundle_name="dags-folder")
    else:
        bag = import_module("airflow.models.dagbag").DagBag(dag_folder=str(file), include_examples=False)
    assert bag.import_errors == {}
    (dag,) = bag.dags.values()
    return dag


def _put_key(scene: Scene, destination: str) -> str | None:
    """Store a key of the user as an issuance would, and return the connection."""
    key, (kind, name) = scene.emulator.give_key(scene.user.id), destination.removeprefix("airflow://").split("/")
    if kind == "connection":
        scene.put(name, conn_type="polytomic", host=scene.emulator.base_url, password=key)
    else:
        scene.connections.with_name("variables.json").write_text(json.dumps({name: key}))
    return scene.stored()
