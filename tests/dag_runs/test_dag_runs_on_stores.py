"""DAG runs whose secrets are in Vault, Secrets Manager or Parameter Store.

The contract suite tests the stores. Here, Airflow's own backends read the keys, and Airflow retries the tasks.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from tests.dag_runs.in_process import run_dag, xcom_of
from tests.dag_runs.secrets_settings import BACKEND, KWARGS, WORKERS_BACKEND, WORKERS_KWARGS
from tools.airflow_sandbox.environment import local_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.dag_runs.in_process import Run
    from tests.dag_runs.servers import Servers, Site
    from tests.fixtures import Scene

    Configure = Callable[[Mapping[str, str]], None]

pytestmark = pytest.mark.usefixtures("airflow_db")

OWNER, WRITER = "the data team", "store_writer"
CONNECTION, WITH_WRITER, OUTSIDE = "airflow://connection/acme", f"airflow://{WRITER}@connection/acme", "outside"
VAULT, AWS = "vault-kv2", "aws-secrets-manager"


@pytest.fixture
def issue_then_use(scene: Scene, request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return a DAG with two tasks: one issues a key, the next one reads and uses it."""

    def make(destination: str, **given: Any) -> Any:
        with DAG(re.sub(r"\W+", "_", request.node.name), schedule=None, params={"force": False}) as dag:
            defaults = {"task_id": "issue", "force": "{{ params.force }}", "retries": 2, **scene.ids}
            issue = PolytomicCreateApiKeyOperator(
                **{**defaults, "destination": destination, "retry_delay": timedelta(0), **given}
            )

            @task(retries=0)
            def use() -> str | None:
                from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

                if destination.endswith("connection/acme"):
                    return PolytomicHook("acme").get_identity().id
                return PolytomicHook.for_destination(destination, server="polytomic_default").get_identity().id

            issue >> use()
        return dag

    return make


def _went_well(scene: Scene, run: Run) -> str:
    """Check that the consumer used the user's only live key, and return the key."""
    assert run.states == {"issue": "success", "use": "success"}
    assert xcom_of(run, "use") == scene.user.id
    key = scene.emulator.live_key(scene.user.id)
    assert scene.emulator.requests[-1].endpoint == "get_identity"
    assert scene.emulator.requests[-1].headers["authorization"] == f"Bearer {key}"
    return key


def test_the_next_task_gets_the_key_of_a_connection_whose_other_fields_stay(
    scene: Scene, site: Site, configure: Configure, issue_then_use: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backend has only the right to read, so another connection writes the key."""
    fields = {"conn_type": "polytomic", "host": scene.emulator.base_url, "extra": json.dumps({"organization": "Acme"})}
    site.put("acme", {**fields, "password": scene.emulator.give_key(scene.user.id)})
    monkeypatch.setenv(f"AIRFLOW_CONN_{WRITER.upper()}", site.connection())
    configure(site.settings("read"))
    dag = issue_then_use(WITH_WRITER, take_over=True)
    keys = []
    for force in (True, False, True):
        keys.append(_went_well(scene, run_dag(dag, conf={"force": force})))
        assert site.fields("acme")["password"] == keys[-1]
        assert site.fields("acme")["extra"] == fields["extra"]
    assert keys[0] == keys[1] != keys[2]
    assert len(scene.posts) == 2


def test_the_next_task_gets_the_key_of_a_variable(
    scene: Scene, site: Site, configure: Configure, issue_then_use: Any
) -> None:
    configure(site.settings())
    dag = issue_then_use("airflow://variable/acme")
    assert site.variable("acme") is None
    assert _went_well(scene, run_dag(dag)) == site.variable("acme")


def test_a_destination_outside_airflow_is_read_by_the_hook_and_keeps_its_other_fields(
    scene: Scene, site: Site, configure: Configure, issue_then_use: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{WRITER.upper()}", site.connection())
    configure({})
    site.put_outside("acme", scene.emulator.give_key(scene.user.id), OWNER)
    destination = site.outside.format(conn_id=WRITER, name="acme")
    dag = issue_then_use(destination, take_over=True)
    key = _went_well(scene, run_dag(dag, conf={"force": True}))
    assert site.held_outside("acme") == (key, site.beside and OWNER)


@pytest.mark.parametrize("name", [VAULT, AWS])
def test_a_store_that_is_down_costs_a_try_and_no_post(
    scene: Scene, servers: Servers, configure: Configure, issue_then_use: Any, name: str
) -> None:
    posts, site = [], servers.site(name)

    def repair(_context: Any) -> None:
        posts.append(len(scene.posts))
        configure(site.settings())

    configure(site.settings(down=True))
    dag = issue_then_use(CONNECTION, on_retry_callback=repair)
    run = run_dag(dag)
    _went_well(scene, run)
    assert (posts, run.tries["issue"]) == ([0], 2)


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="2.11 has no [workers] secrets_backend")
def test_the_backend_of_workers_is_written_where_they_have_one_of_their_own(
    scene: Scene, servers: Servers, configure: Configure, issue_then_use: Any
) -> None:
    site = servers.site(VAULT)
    theirs = site.settings()
    configure(
        local_secrets(scene.connections.parent) | {WORKERS_BACKEND: theirs[BACKEND], WORKERS_KWARGS: theirs[KWARGS]}
    )
    key = _went_well(scene, run_dag(issue_then_use(CONNECTION)))
    assert site.fields("acme")["password"] == key
    assert scene.stored("acme") is None


class Refusal(NamedTuple):
    """A refused issuance: the site, the destination, the settings of the backend, and the error."""

    what: str
    site: str
    destination: str
    settings: Mapping[str, Any]
    error: str
    reasons: tuple[str, ...]


REFUSALS = [
    Refusal(
        "no writer", AWS, WITH_WRITER, {"rights": "read"}, "SecretStoreConfigurationError", ("connection_unusable",)
    ),
    Refusal("no writer outside", VAULT, OUTSIDE, {}, "SecretStoreConfigurationError", ("connection_unusable",)),
    # A policy of Vault decides whether a token can read its own rights.
    Refusal(
        "may only read",
        VAULT,
        CONNECTION,
        {"rights": "read"},
        "SecretStoreDeniedError",
        ("refused_by_vault", "missing_right"),
    ),
    Refusal("may do nothing", AWS, CONNECTION, {"rights": "none"}, "SecretStoreDeniedError", ("missing_right",)),
    Refusal(
        "unread",
        "aws-ssm",
        CONNECTION,
        {"connections_prefix": None},
        "SecretStoreConfigurationError",
        ("backend_never_looks",),
    ),
    Refusal(
        "version",
        "vault-kv1",
        CONNECTION,
        {"kv_engine_version": 2},
        "SecretStoreConfigurationError",
        ("engine_version",),
    ),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.what.replace(" ", "-"))
def test_a_store_that_refuses_fails_the_task_at_its_first_try_and_no_key_is_asked_for(
    servers: Servers, scene: Scene, configure: Configure, refusal: Refusal
) -> None:
    outside, site = refusal.destination == OUTSIDE, servers.site(refusal.site)
    configure({} if outside else site.settings(**refusal.settings))
    errors: list[Any] = []
    ids: dict[str, Any] = scene.ids
    with DAG("refused", schedule=None) as dag:
        PolytomicCreateApiKeyOperator(
            task_id="issue",
            destination=site.outside.format(conn_id=WRITER, name="acme") if outside else refusal.destination,
            retries=2,
            retry_delay=timedelta(0),
            on_failure_callback=lambda context: errors.append(context["exception"]),
            **ids,
        )
    run = run_dag(dag)
    assert (run.states, run.tries) == ({"issue": "failed"}, {"issue": 1})
    (error,) = errors
    assert type(error).__name__ == refusal.error
    assert error.reason in refusal.reasons
    assert scene.posts == []
    assert site.fields("acme") == {}
    assert site.held_outside("acme") == (None, None)
