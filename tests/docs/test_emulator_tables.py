"""Does docs/testing.md know the emulator? Its names, options, faults and control paths, each tried."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from typing import TYPE_CHECKING, get_args

import pytest
import requests

from airflow_provider_polytomic.testing import Fault, PolytomicEmulator
from airflow_provider_polytomic.testing.__main__ import main
from airflow_provider_polytomic.testing.faults import FaultKind
from airflow_provider_polytomic.testing.world import ExistingKey, Taken
from tests.docs.pages import ROOT, codes, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = "docs/testing.md"
FAULTS, OPTIONS = rows(PAGE, "Faults"), rows(PAGE, "On the command line")

_ANSWERS = {
    "--existing-key": get_args(ExistingKey),
    "--existing-user": get_args(Taken),
    "--existing-name": get_args(Taken),
}


def _names(cells: Sequence[str]) -> list[str]:
    return [re.split(r"\W", code, maxsplit=1)[0] for cell in cells for code in codes(cell)]


def test_every_public_name_of_the_emulator_is_told():
    told = _names([row[0] for row in rows(PAGE, "In pytest")])
    made = {"partner_key", "deployment_key"}  # by __init__, so not on the class
    assert sorted(told) == sorted({name for name in vars(PolytomicEmulator) if not name.startswith("_")} | made)
    with PolytomicEmulator() as emulator:
        assert all(hasattr(emulator, name) for name in told)


@pytest.mark.parametrize("call", [c for row in rows(PAGE, "In pytest") for c in codes(row[0]) if "(" in c])
def test_a_method_takes_what_the_page_gives_it(call: str):
    name, _, arguments = call.rstrip(")").partition("(")
    parameters = list(inspect.signature(getattr(PolytomicEmulator, name)).parameters)[1:]
    given = arguments.split(", ") if arguments else []
    assert parameters[: len(given)] == given


def test_the_options_are_those_of_the_command(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["--help"])
    offered = set(re.findall(r"^  (?:-h, )?(--[\w-]+)", capsys.readouterr().out, re.MULTILINE)) - {"--help"}
    assert sorted(code for row in OPTIONS for code in codes(row[0])) == sorted(offered)


def test_what_the_documentation_leaves_open_can_be_set_in_code_too():
    text = (ROOT / PAGE).read_text()
    named = codes(text[text.index("`PolytomicEmulator` takes the same") :].split("\n\n")[0])[1:]
    assert named == ["existing_key", "existing_user", "existing_name", "replay_values", "revocation_delay"]
    assert set(named) <= set(inspect.signature(PolytomicEmulator).parameters)
    options = ["--no-replay-values" if name == "replay_values" else f"--{name.replace('_', '-')}" for name in named]
    assert [code for row in OPTIONS[-2 - len(named) : -2] for code in codes(row[0])] == options


@pytest.mark.parametrize("option", ["--existing-key", "--existing-user", "--existing-name"])
def test_of_two_answers_the_first_is_the_default_and_all_are_told(option: str):
    told = codes(next(row[1] for row in OPTIONS if codes(row[0]) == [option]))
    parameter = inspect.signature(PolytomicEmulator).parameters[option.removeprefix("--").replace("-", "_")]
    answers = [str(answer) for answer in _ANSWERS[option]]
    assert sorted(told) == sorted(["force", *answers] if "force" in told else answers)
    assert next(code for code in told if code != "force") == str(parameter.default)


@pytest.mark.parametrize("spec", [code for row in FAULTS for code in codes(row[0])])
def test_a_fault_can_be_read_and_strikes_when_the_page_says(spec: str):
    default = next(row[2] for row in FAULTS if spec in codes(row[0]))
    assert Fault.parse(spec).when == (None if default == "-" else default)


def test_the_faults_and_their_options_are_all_there():
    assert list(dict.fromkeys(_names([row[0] for row in FAULTS]))) == list(get_args(FaultKind))
    of_a_kind = {code.rstrip("=") for row in FAULTS for code in codes(row[1]) if code.endswith("=")}
    general = {codes(row[0])[0].rstrip("=") for row in rows(PAGE, "Faults", 1)}
    after_the_colon = {"kind", "status", "seconds", "megabytes"}
    assert of_a_kind | general == {field.name for field in fields(Fault)} - after_the_colon
    with pytest.raises(ValueError, match=r"get_identity.*create_api_key"):
        Fault.parse("drop endpoint=nonsense")


def test_the_control_paths_answer_without_a_key():
    with PolytomicEmulator() as emulator:
        for cell, does in rows(PAGE, "Faults", 2):
            method, path = codes(cell)[0].split()
            body = codes(does)[0] if method == "POST" and codes(does)[0].startswith("{") else None
            answer = requests.request(method, emulator.base_url + path, data=body, timeout=10)
            assert answer.status_code == 200, cell
