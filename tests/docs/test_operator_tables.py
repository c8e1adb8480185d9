"""The pages name all operators and all of their parameters, with the defaults that they have."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest

from airflow_provider_polytomic.get_provider_info import get_provider_info
from airflow_provider_polytomic.hooks._organizations import _SETTINGS
from airflow_provider_polytomic.operators._base import PolytomicOperator
from tests.docs.pages import codes, rows

ONBOARDING, OFFBOARDING = "docs/onboard-a-customer.md", "docs/offboard-a-customer.md"
# Pages about one operator, whose table has all parameters. On the other two pages, each operator has its own section,
# and one table has the common parameters.
PAGES = {
    "PolytomicCreateApiKeyOperator": "docs/create-api-key.md",
    "PolytomicRotateApiKeyOperator": "docs/rotate-on-a-schedule.md",
    "PolytomicBatchRotateApiKeysOperator": "docs/rotate-many-keys.md",
}
(_LISTED,) = get_provider_info()["operators"]
MODULES = [import_module(name) for name in _LISTED["python-modules"]]
# The meaning of a parameter that is left out: Airflow serialises every templated field that is not None.
MEANT: dict[str, object] = {
    **dict.fromkeys(("allow_failures", "allow_active_key", "check_only", "force", "ignore_if_missing"), False),
    **dict.fromkeys(("skip_if_not_due", "take_over"), False),
    "polytomic_conn_id": "polytomic_default",
    "max_workers": 8,
    "max_failures": 10,
    "shard": 0,
    "shards": 1,
}
OPERATORS: dict[str, Any] = {name: getattr(module, name) for module in MODULES for name in module.__all__}


def _taken(operator: Any) -> dict[str, list[str]]:
    """Return the parameters of an operator that BaseOperator does not have, as in the tables: name and default."""
    own = operator.__mro__[: operator.__mro__.index(PolytomicOperator) + 1]
    signatures = [inspect.signature(vars(cls)["__init__"]) for cls in own if "__init__" in vars(cls)]
    parameters = [p for each in signatures for p in each.parameters.values() if p.kind is p.KEYWORD_ONLY]
    required = inspect.Parameter.empty
    return {p.name: [] if p.default is required else [_default(p)] for p in parameters}


def _default(parameter: inspect.Parameter) -> str:
    return _literal(MEANT.get(parameter.name) if parameter.default is None else parameter.default)


def _literal(value: object) -> str:
    if isinstance(value, timedelta):
        return repr(value).removeprefix("datetime.")
    return f'"{value}"' if isinstance(value, str) else str(value)


def _documented(page: str, heading: str) -> dict[str, list[str]]:
    return {codes(row[0])[0]: codes(row[1])[:1] for row in rows(page, heading)}


def test_every_operator_is_in_the_readme():
    assert sorted(codes(row[0])[0] for row in rows("README.md", "Operators")) == sorted(OPERATORS)


@pytest.mark.parametrize("name", OPERATORS)
def test_the_parameters_of_an_operator_are_all_there_with_their_defaults(name: str):
    if name in PAGES:
        documented = _documented(PAGES[name], "Parameters")
    else:
        documented = _documented(OFFBOARDING if "Delete" in name else ONBOARDING, name) | _documented(
            ONBOARDING, "Parameters"
        )
    assert documented == _taken(OPERATORS[name])


@pytest.mark.parametrize("name", OPERATORS)
def test_all_parameters_but_one_are_templated(name: str):
    assert set(_taken(OPERATORS[name])) - set(OPERATORS[name].template_fields) == {"retry_for"}


@pytest.mark.parametrize("name", OPERATORS)
def test_the_docstring_says_what_is_meant_by_a_parameter_that_is_left_out(name: str):
    documented = dict(re.findall(r":param (\w+):(.*?)(?=\n *:param|\n *$)", OPERATORS[name].__doc__, re.DOTALL))
    of = {parameter: documented[parameter] for parameter in _taken(OPERATORS[name]) if parameter in MEANT}
    assert {parameter for parameter, text in of.items() if str(MEANT[parameter]) not in text} == set()


def test_the_settings_that_can_be_cleared_are_those_that_the_page_names():
    documented = {codes(row[0])[0]: codes(row[2]) for row in rows(ONBOARDING, "PolytomicUpdateOrganizationOperator")}
    assert documented["clear_settings"] == list(_SETTINGS)
