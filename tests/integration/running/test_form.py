"""What does the API server of a running Airflow 3 show where a connection is made? (2.11: tests/unit.)"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_polytomic.connection_form import ui_field_behaviour
from airflow_provider_polytomic.get_provider_info import get_provider_info
from airflow_provider_polytomic.version_compat import AIRFLOW_V_3_0_PLUS

if TYPE_CHECKING:
    from tests.integration.running.flight import Flight

pytestmark = [
    pytest.mark.airflow_running,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="tests/unit/test_provider_info.py builds the form of 2.11"),
]


def test_the_form_has_the_fields_and_words_of_the_metadata(running_airflow: Flight) -> None:
    (form,) = [form for form in running_airflow.form if form["connection_type"] == "polytomic"]
    assert form["hook_name"] == "Polytomic"
    declared = get_provider_info()["connection-types"][0]["conn-fields"]
    assert list(form["extra_fields"]) == list(declared)
    assert {name: field["schema"]["title"] for name, field in form["extra_fields"].items()} == {
        name: field["label"] for name, field in declared.items()
    }
    behaviour, shown = ui_field_behaviour(), form["standard_fields"]
    assert {name for name, field in shown.items() if field and field["hidden"]} == {
        {"schema": "url_schema"}.get(name, name) for name in behaviour["hidden_fields"]
    }
    assert {name: shown[name]["title"] for name in behaviour["relabeling"]} == behaviour["relabeling"]
