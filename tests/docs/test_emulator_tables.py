"""The tables of docs/testing.md name what the emulator has: its members, options, faults and control paths."""

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
from tests.docs.pages import codes, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = "docs/testing.md"
FAULTS = rows(PAGE, "Faults")


def _names(cells: Sequence[str]) -> list[str]:
    return [re.split(r"\W", code, maxsplit=1)[0] for cell in cells for code in codes(cell)]


def test_the_members_of_an_emulator_are_all_there_with_their_parameters():
    calls = [code for row in rows(PAGE, "In pytest") for code in codes(row[0])]
    made = {"partner_key", "deployment_key"}  # set by __init__, so not on the class
    assert sorted(_names([row[0] for row in rows(PAGE, "In pytest")])) == sorted(
        {name for name in vars(PolytomicEmulator) if not name.startswith("_")} | made
    )
    for name, _, arguments in (call.rstrip(")").partition("(") for call in calls if "(" in call):
        parameters = list(inspect.signature(getattr(PolytomicEmulator, name)).parameters)[1:]
        given = arguments.split(", ") if arguments else []
        assert parameters[: len(given)] == given, name


def test_the_options_are_those_of_the_command(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["--help"])
    offered = set(re.findall(r"^  (?:-h, )?(--[\w-]+)", capsys.readouterr().out, re.MULTILINE)) - {"--help"}
    assert sorted(code for row in rows(PAGE, "On the command line") for code in codes(row[0])) == sorted(offered)


def test_the_faults_and_their_options_are_all_there():
    assert list(dict.fromkeys(_names([row[0] for row in FAULTS]))) == list(get_args(FaultKind))
    for spec, when in ((spec, row[3]) for row in FAULTS for spec in codes(row[0])):
        assert Fault.parse(spec).when == (None if when == "-" else when), spec
    of_a_kind = {code.rstrip("=") for row in FAULTS for code in codes(row[2])}
    general = {codes(row[0])[0].rstrip("=") for row in rows(PAGE, "Faults", 1)}
    after_the_colon = {"kind", "status", "seconds", "megabytes"}
    assert of_a_kind | general == {field.name for field in fields(Fault)} - after_the_colon


def test_the_control_paths_answer_without_a_key():
    with PolytomicEmulator() as emulator:
        for request, body, _ in rows(PAGE, "Control the emulator over HTTP"):
            method, path = codes(request)[0].split()
            answer = requests.request(method, emulator.base_url + path, data="".join(codes(body)), timeout=60)
            assert answer.status_code == 200, request
