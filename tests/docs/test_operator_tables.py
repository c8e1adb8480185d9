"""Do the pages tell all operators and all of their parameters, with the defaults that they have?"""

from __future__ import annotations

import ast
import inspect
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest

from airflow_provider_polytomic.operators.base import PolytomicOperator
from tests.docs.pages import ROOT, codes, rows

KEY_PAGE, ROTATION, FLEET, ONBOARDING, OFFBOARDING = (
    "docs/create-api-key.md",
    "docs/rotate-on-a-schedule.md",
    "docs/rotate-a-fleet.md",
    "docs/onboard-a-customer.md",
    "docs/offboard-a-customer.md",
)
# Where each is told, and whether with what all take.
TOLD = {
    "PolytomicCreateApiKeyOperator": (KEY_PAGE, "Parameters"),
    "PolytomicRotateApiKeyOperator": (ROTATION, "Parameters"),
    "PolytomicBatchRotateApiKeysOperator": (FLEET, "Parameters"),
    "PolytomicCreateOrganizationOperator": (ONBOARDING, None),
    "PolytomicUpdateOrganizationOperator": (ONBOARDING, None),
    "PolytomicCreateUserOperator": (ONBOARDING, None),
    "PolytomicUpdateUserOperator": (ONBOARDING, None),
    "PolytomicListUsersOperator": (ONBOARDING, None),
    "PolytomicDeleteUserOperator": (OFFBOARDING, None),
    "PolytomicDeleteStoredApiKeyOperator": (OFFBOARDING, None),
    "PolytomicDeleteOrganizationOperator": (OFFBOARDING, None),
}
MODULES = [
    import_module(f"airflow_provider_polytomic.operators.{name}")
    for name in ("api_keys", "fleet", "organizations", "rotation", "users")
]
OPERATORS: dict[str, Any] = {name: getattr(module, name) for module in MODULES for name in module.__all__}
COMMON = {"polytomic_conn_id", "retry_for"}


def _taken(operator: Any) -> dict[str, list[str]]:
    """Return what an operator takes besides what Airflow's own do, as the tables write it: name and default."""
    own = operator.__mro__[: operator.__mro__.index(PolytomicOperator) + 1]
    signatures = [inspect.signature(vars(cls)["__init__"]) for cls in own if "__init__" in vars(cls)]
    parameters = [p for each in signatures for p in each.parameters.values() if p.kind is p.KEYWORD_ONLY]
    required = inspect.Parameter.empty
    return {p.name: [] if p.default is required else [_literal(p.default)] for p in parameters}


def _literal(value: object) -> str:
    if isinstance(value, timedelta):
        return repr(value).removeprefix("datetime.")
    return f'"{value}"' if isinstance(value, str) else str(value)


def _told(page: str, heading: str) -> dict[str, list[str]]:
    return {codes(row[0])[0]: codes(row[1])[:1] for row in rows(page, heading)}


def test_every_operator_has_its_place_and_is_in_the_readme():
    assert set(TOLD) == set(OPERATORS)
    assert sorted(codes(row[0])[0] for row in rows("README.md", "Operators")) == sorted(OPERATORS)


@pytest.mark.parametrize("name", TOLD)
def test_the_parameters_of_an_operator_are_all_there_with_their_defaults(name: str):
    page, heading = TOLD[name]
    told = _told(page, heading or name)
    if heading is None:
        told |= _told(ONBOARDING, "Parameters")
        assert "those of [every operator](onboard-a-customer.md#parameters)" in (ROOT / OFFBOARDING).read_text()
    assert told == _taken(OPERATORS[name])


def test_what_all_operators_take_is_told_once():
    assert set(_told(ONBOARDING, "Parameters")) == COMMON
    assert set(_taken(PolytomicOperator)) == COMMON


@pytest.mark.parametrize("name", OPERATORS)
def test_all_parameters_but_one_are_templated(name: str):
    renamed = {"user_email": "email"}  # docs: Airflow's operators take email for the address of their alerts
    templated = {renamed.get(field, field) for field in OPERATORS[name].template_fields}
    assert set(_taken(OPERATORS[name])) - templated == {"retry_for"}


def test_the_settings_that_can_be_cleared_are_those_that_the_page_names():
    from airflow_provider_polytomic.hooks._organizations import _SETTINGS

    (row,) = (
        row for row in rows(ONBOARDING, "PolytomicUpdateOrganizationOperator") if codes(row[0]) == ["clear_settings"]
    )
    assert codes(row[2]) == list(_SETTINGS)
    named = next(line for line in (ROOT / ONBOARDING).read_text().splitlines() if "`clear_settings=" in line)
    assert set(ast.literal_eval(codes(named)[-1].removeprefix("clear_settings="))) <= set(_SETTINGS)
