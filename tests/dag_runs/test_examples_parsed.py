"""Parsing of the examples: no request, no lookup, and few imports in addition to Airflow's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.dag_files import ROOT, SDK, examples_folder

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = sorted(path.stem for path in (ROOT / "dags_examples").glob("*.py"))
# Modules that send requests to Polytomic, a store or Airflow, and the libraries that they use.
LATER = (
    "_batch",
    "_issuance",
    "_provisioning",
    "_removal",
    "hooks",
    "models",
    "secret_stores.base",
    "secret_stores.factory",
)
CLIENTS = {"requests", "httpx", "hvac", "boto3", "pydantic", "tenacity"}

PARSE = f"""
import json, sys
from importlib import import_module

from {SDK} import Param, dag, get_current_context, task, task_group
from airflow_provider_polytomic._airflow.version import BaseOperator

opened, before = [], set(sys.modules)
sys.addaudithook(lambda event, _: opened.append(event) if event.startswith(("socket.", "sqlite3.")) else None)
dags = [getattr(import_module(f"dags_examples.{{name}}"), name)().dag_id for name in sys.argv[1:]]
print(json.dumps([dags, opened, sorted(set(sys.modules) - before)]))
"""


def test_parsing_an_example_sends_no_request_and_imports_no_client(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PARSE, *EXAMPLES],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(examples_folder(tmp_path).parent), str(ROOT)])},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    dags, opened, imported = json.loads(done.stdout.splitlines()[-1])
    assert dags == EXAMPLES
    assert opened == []
    assert not [name for name in imported if name.partition(".")[0] in CLIENTS]
    assert not [name for name in imported if name.startswith(tuple(f"airflow_provider_polytomic.{m}" for m in LATER))]
