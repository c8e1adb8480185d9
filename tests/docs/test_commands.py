"""Each line of the pages' shell blocks is run, or checked without running it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from airflow_provider_polytomic import __version__
from airflow_provider_polytomic._airflow.secrets_backends import configured_secrets_backend, qualified_name
from airflow_provider_polytomic.get_provider_info import get_provider_info
from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.secret_stores.factory import open_store
from airflow_provider_polytomic.secret_stores.local.entries import build_conversion_command
from airflow_provider_polytomic.testing.__main__ import main as emulator_command
from tests.docs.exports import SHELL, exported_by
from tests.docs.pages import PAGES, ROOT, Block, blocks
from tests.docs.store_pages import STORE_PAGES
from tests.fixtures import CONNECTION, _forget_secrets_backends

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fixtures import Scene

EMULATOR = ["python", "-m", "airflow_provider_polytomic.testing"]

# Commands on files that a page shows; test_python_blocks.py runs those files.
DAGS_OF_PAGES = {
    name for block in blocks("python", "") for name in re.findall(r"^@dag.*\ndef (\w+)", block.content, re.MULTILINE)
}

LINES = [(block, line) for block in blocks("bash") for line in block.content.splitlines() if line.strip()]


def _by_first_word(*words: str) -> list[str]:
    return [line for _, line in LINES if shlex.split(line, comments=True)[0] in words]


def test_every_line_is_of_a_kind_that_is_tried():
    first_words = {shlex.split(line, comments=True)[0] for _, line in LINES}
    assert first_words == SHELL | {"make", "python", "python3", ".", "airflow", "pip", "printf", "read"}


def test_a_yaml_file_is_converted_by_the_command_that_the_error_tells():
    (block,) = blocks("sh", "convert")
    assert block.content.strip() == build_conversion_command(Path("/opt/airflow/secrets/connections.yaml"))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(("revoked", "status"), [(True, "401"), (False, "200")])
def test_the_way_to_see_that_a_key_is_dead_tells(revoked: bool, status: str, scene: Scene):
    key = scene.emulator.give_key(scene.user.id)
    if revoked:
        scene.emulator.revoke(key)
    script = "\n".join(_by_first_word("read", "printf")).replace("https://app.polytomic.com", scene.emulator.base_url)
    assert scene.emulator.base_url in script
    done = subprocess.run(["bash", "-c", script], input=f"{key}\n", capture_output=True, text=True, check=True)
    assert done.stdout == status


@pytest.mark.parametrize("line", _by_first_word("make"))
def test_make_knows_the_target_and_the_emulator_its_arguments(line: str):
    _, target, *given = shlex.split(line)
    made = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    if target in {"demo", "emulator"}:
        (arguments,) = [variable.removeprefix("ARGS=") for variable in given] or [""]
        with pytest.raises(SystemExit) as ended:
            emulator_command([*shlex.split(arguments), "--help"])
        assert ended.value.code == 0


def test_make_knows_every_target_that_a_page_mentions():
    mentioned = {target for page in PAGES for target in re.findall(r"`make ([a-z][\w.-]*)", page.read_text())}
    made = subprocess.run(["make", "-n", *mentioned], cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr


@pytest.mark.parametrize("line", _by_first_word("python"))
def test_the_emulator_serves_the_partner_it_was_told(line: str):
    words = shlex.split(line)
    assert words[:3] == EMULATOR
    words[words.index("--port") + 1] = "0"  # the port of the pages may be in use
    with subprocess.Popen([sys.executable, *words[1:]], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            address = process.stdout.readline().split()[-1]
            headers = {"Authorization": f"Bearer {words[words.index('--partner-key') + 1]}"}
            me = requests.get(f"{address}/api/me", headers=headers, timeout=60).json()
            assert me["data"]["is_partner"] is True
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0


@pytest.fixture
def backend_forgotten() -> Iterator[None]:
    """Remove the secrets backend that a block configures, before and after a test."""
    _forget_secrets_backends()
    yield
    _forget_secrets_backends()


# Blocks of the stores' pages need a server: test_store_pages.py.
EXPORTS = [each for each in blocks("bash") if "export " in each.content and each.page not in STORE_PAGES]


@pytest.mark.usefixtures("backend_forgotten")
@pytest.mark.parametrize("block", EXPORTS, ids=str)
def test_what_is_exported_is_what_airflow_then_has(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    exported = exported_by(block, tmp_path)
    for name, value in exported.items():
        monkeypatch.setenv(name, value)
    if "AIRFLOW__SECRETS__BACKEND" in exported:
        assert qualified_name(type(configured_secrets_backend())) == exported["AIRFLOW__SECRETS__BACKEND"]
        for destination in (CONNECTION, "airflow://variable/acme_api_key"):
            store = open_store(destination, issuer="https://app.polytomic.com")
            assert str(tmp_path) in store.place
            store.check_write(store.read())
            assert store.read_back() is None
    else:
        assert list(exported) == ["AIRFLOW_CONN_POLYTOMIC_DEFAULT"]
        assert PolytomicHook().settings.key.reveal() in exported["AIRFLOW_CONN_POLYTOMIC_DEFAULT"]


@pytest.mark.parametrize("line", _by_first_word("airflow"))
def test_airflow_can_read_the_command_and_has_what_it_names(line: str):
    from airflow.cli.cli_parser import get_parser

    _, group, *rest = words = shlex.split(line)
    given = get_parser().parse_args(words[1:])
    if group == "db":
        assert rest == ["migrate"]
    elif group == "providers":
        assert rest == ["get", get_provider_info()["package-name"]]
    elif given.dag_id in DAGS_OF_PAGES:
        assert rest == ["test", given.dag_id]
    else:
        dag: Any = getattr(import_module(f"dags_examples.{given.dag_id}"), given.dag_id)()
        params, conf = deepcopy(dag.params), json.loads(given.conf)  # all DAGs of a decorator share its params
        assert set(conf) <= set(params)
        params.update(conf)
        params.validate()


def test_the_environment_is_created_and_activated_as_the_page_shows(tmp_path: Path):
    lines = _by_first_word("python3", ".")
    assert len(lines) == len(("create", "activate"))
    script = "\n".join(["set -eu", *lines, "python -c 'import sys; print(sys.prefix)'"])
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == [str(tmp_path / "venv")], done.stderr


@pytest.mark.parametrize("line", _by_first_word("pip"))
def test_pip_finds_what_it_is_to_install(line: str):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wheel = f"dist/{project['name'].replace('-', '_')}-{__version__}-py3-none-any.whl"
    words = shlex.split(line)
    if "-c" in words:
        option = words.index("-c")
        assert (ROOT / words[option + 1]).is_file()
        del words[option : option + 2]
    what, _, extra = words[-1].rstrip("]").partition("[")
    assert what in {".", wheel}
    assert not extra or extra in project["optional-dependencies"]
