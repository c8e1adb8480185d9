"""Asset of a destination, alias of new keys, and the references that a consumer gets.

The tests use Airflow's own classes, which can change, reject or warn about a value.
"""

from __future__ import annotations

import subprocess
import sys
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_polytomic._airflow.assets import max_events
from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from airflow_provider_polytomic.assets import API_KEYS, api_key_asset, api_keys_alias, new_keys
from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.secret_stores.destination import Destination

ACME = "airflow://connection/acme_polytomic"
URIS = {
    ACME: "x-polytomic://airflow/connection/acme_polytomic",
    "airflow://connection/a/B": "x-polytomic://airflow/connection/a/B",
    "airflow://variable/acme_api_key": "x-polytomic://airflow/variable/acme_api_key",
    "airflow://variable/a%3Ffield=b": "x-polytomic://airflow/variable/a%253Ffield%253Db",
    "airflow://variable/caf%C3%A9": "x-polytomic://airflow/variable/caf%25C3%25A9",
    "vault://c@mount/a/path": "x-polytomic://vault/c%40mount/a/path%3Ffield%3Dapi_key",
    "vault://c@mount/path?field=token": "x-polytomic://vault/c%40mount/path%3Ffield%3Dtoken",
    "aws-ssm://c@/a/name": "x-polytomic://aws-ssm/c%40/a/name",
}
# Limit of the database, and of Airflow 3's class.
MAX_LENGTH = 1500


@pytest.mark.parametrize("destination", URIS)
def test_a_destination_has_an_asset_that_airflow_takes_as_it_is(
    destination: str, caplog: pytest.LogCaptureFixture
) -> None:
    api_keys_alias()  # imports all modules first
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asset = api_key_asset(destination)
    assert asset.uri == URIS[destination]
    assert caplog.records == []
    if AIRFLOW_V_3_0_PLUS:
        assert asset.name == str(Destination.parse(destination))


def test_the_asset_does_not_depend_on_the_writing_connection() -> None:
    assert api_key_asset("airflow://writer@connection/acme_polytomic") == api_key_asset(ACME)
    assert api_key_asset("vault://c@mount/path?field=api_key") == api_key_asset("vault://c@mount/path")
    assert api_key_asset("vault://c@mount/path") != api_key_asset("vault://another@mount/path")


@given(st.text(min_size=1, max_size=40), st.sampled_from(["airflow://variable/", "vault://c@mount/"]))
def test_no_two_destinations_have_the_same_asset(name: str, kind: str) -> None:
    try:
        found = Destination.parse(f"{kind}{quote(name)}")
    except PolytomicConfigurationError:
        return
    uri = api_key_asset(str(found)).uri
    assert uri.isascii()
    assert not set(uri) & set("?#@&= ")
    assert unquote(uri.removeprefix("x-polytomic://")) == str(found).replace("://", "/", 1)


def test_an_asset_is_refused_before_airflow_would_refuse_it() -> None:
    longest = "vault://c@mount/" + "a" * 1024
    assert len(api_key_asset(longest).uri) < MAX_LENGTH
    with pytest.raises(PolytomicConfigurationError, match="asset URI has 2531 characters"):
        api_key_asset("airflow://variable/" + quote("é" * 250))


@pytest.mark.parametrize("wrong", ["{{ params.destination }}", "acme_polytomic", "", None])
def test_what_is_no_destination_has_no_asset(wrong: Any) -> None:
    with pytest.raises(PolytomicConfigurationError):
        api_key_asset(wrong)


def test_the_alias_has_one_name_on_both_versions_and_a_group_one_of_its_own() -> None:
    assert api_keys_alias().name == API_KEYS == "polytomic_api_keys"
    assert api_keys_alias() == api_keys_alias()
    assert api_keys_alias("eu").name == "polytomic_api_keys:eu"


@pytest.mark.parametrize("group", ["", "eu west", "eu:west", "{{ group }}", "é", "x" * 101, 7])
def test_a_group_that_is_no_plain_word_is_refused(group: Any) -> None:
    with pytest.raises(PolytomicConfigurationError) as caught:
        api_keys_alias(group)
    assert caught.value.fields == ("group",)


def test_importing_it_brings_nothing_of_airflow() -> None:
    code = "import sys, airflow_provider_polytomic.assets; print([m for m in sys.modules if m.startswith('airflow.')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


BEGAN = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _context(events: list[tuple[str, int, dict[str, Any]]]) -> dict[str, Any]:
    """Return the context of a run that these events have triggered, with Airflow's own classes.

    :param events: the asset's URI, the hour and the ``extra`` of each.
    """
    if not AIRFLOW_V_3_0_PLUS:
        from airflow.models.dataset import DatasetEvent

        found: dict[str, list[DatasetEvent]] = {}
        for uri, hour, extra in events:
            event = DatasetEvent(dataset_id=1, extra=extra, timestamp=BEGAN + timedelta(hours=hour))
            found.setdefault(uri, []).append(event)
        return {"triggering_dataset_events": found}
    from airflow.sdk.api.datamodels._generated import AssetEventDagRunReference
    from airflow.sdk.execution_time.comms import AssetEventDagRunReferenceResult
    from airflow.sdk.execution_time.context import TriggeringAssetEventsAccessor

    references = [
        AssetEventDagRunReference.model_validate(
            {
                "asset": {"name": uri, "uri": uri, "extra": {}},
                "extra": extra,
                "source_aliases": [{"name": API_KEYS}],
                "source_dag_id": "issuing",
                "source_task_id": "issue",
                "source_run_id": "run",
                "source_map_index": -1,
                "timestamp": BEGAN + timedelta(hours=hour),
            }
        )
        for uri, hour, extra in events
    ]
    results = [AssetEventDagRunReferenceResult.from_asset_event_dag_run_reference(each) for each in references]
    return {"triggering_asset_events": TriggeringAssetEventsAccessor.build(results)}


def test_a_consumer_gets_each_new_key_once_the_oldest_first() -> None:
    acme, globex = (api_key_asset(f"airflow://connection/{name}").uri for name in ("acme", "globex"))
    context = _context(
        [
            (acme, 2, {"fingerprint": "c"}),
            (acme, 0, {"fingerprint": "a"}),
            ("s3://lake/x", 0, {}),
            (globex, 1, {"fingerprint": "b"}),
        ]
    )
    assert new_keys(context) == [{"fingerprint": "a"}, {"fingerprint": "b"}, {"fingerprint": "c"}]


def test_a_run_that_was_started_by_hand_has_no_new_keys() -> None:
    assert new_keys(_context([])) == []


def test_a_task_may_have_as_many_events_as_airflow_writes_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    by_default = 100 if AIRFLOW_V_3_0_PLUS else 1000
    assert max_events() == by_default
    monkeypatch.setenv("AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT", "60")
    assert max_events() == (1200 if AIRFLOW_V_3_0_PLUS else by_default)
