"""Lists of targets that Airflow has rendered."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_polytomic._airflow.version import BaseOperator
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.operators._fields import to_shard
from tests.unit.batch.target_rows import ORG, numbers, read, row, user


class Templated(BaseOperator):
    """An operator that renders its targets and shard like the batch operator."""

    template_fields = ("targets", "shard")

    def __init__(self, *, targets: Any, shard: Any = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.targets = targets
        self.shard = shard


def rendered(targets: Any, shard: Any = 0, **context: Any) -> Any:
    task = Templated(task_id="rotate", targets=targets, shard=shard)
    task.render_template_fields(context)  # type: ignore[arg-type]  # all of a context that the templates need
    return task


def test_values_within_a_list_are_rendered() -> None:
    targets = [
        {"org_id": "{{ params.org }}", "user_id": user(each), "destination": f"airflow://variable/{{{{ ds }}}}_{each}"}
        for each in (1, 2)
    ]
    task = rendered(
        targets, "{{ ti.map_index }}", params={"org": ORG}, ds="2026-01-01", ti=SimpleNamespace(map_index=0)
    )
    found = read(task.targets, shard=to_shard(task.shard, None)[0])
    assert numbers(found) == [1, 2]
    assert {each.target.org_id for each in found} == {ORG}
    assert [each.destination.name for each in found] == ["2026-01-01_1", "2026-01-01_2"]


def test_a_list_that_a_template_turns_into_json_is_a_list() -> None:
    task = rendered("{{ rows | tojson }}", rows=[row(1), row(2, standby_user_id=None)])
    assert isinstance(task.targets, str)
    assert numbers(read(task.targets)) == [1, 2]


def test_a_list_that_a_template_turns_into_pythons_notation_is_refused_with_the_way_out() -> None:
    with pytest.raises(PolytomicConfigurationError, check=lambda error: error.reason == "not_a_json_list"):
        read(rendered("{{ rows }}", rows=[row(1)]).targets)
