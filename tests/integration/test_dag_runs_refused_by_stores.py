"""What does a DAG run show when a store cannot take a key? A clear error at its first try, and nothing was issued."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from tests.integration.in_process import run_dag
from tests.integration.sites import SITES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.integration.servers import Servers
    from tests.scene import Scene

    Configure = Callable[[Mapping[str, str]], None]

pytestmark = pytest.mark.usefixtures("airflow_db")

WRITER = "store_writer"
CONNECTION, WITH_WRITER, OUTSIDE = "airflow://connection/acme", f"airflow://{WRITER}@connection/acme", "outside"
NO_WRITER = f"The connection '{WRITER}', to write to .* with, does not exist or cannot be used"
DENIED = "Vault refuses to|the policy does not let this role|AWS refused .* is not authorized to perform"
UNREAD = "never looks for a connection of this name"
VERSION = "is a KV engine of version {}, but configured is a KV engine of version {}"

VAULTS, AWS = SITES[:2], SITES[2:]


class Refusal(NamedTuple):
    """What is wrong, on which sites, for which destination, with which settings of the backend, and the error."""

    what: str
    sites: tuple[str, ...]
    destination: str
    settings: Mapping[str, Any]
    error: str


REFUSALS = [
    Refusal("no writer", SITES, WITH_WRITER, {"rights": "read"}, NO_WRITER),
    Refusal("no writer outside", SITES, OUTSIDE, {}, NO_WRITER),
    Refusal("may only read", SITES, CONNECTION, {"rights": "read"}, DENIED),
    Refusal("may do nothing", SITES, CONNECTION, {"rights": "none"}, DENIED),
    Refusal("no path", VAULTS, CONNECTION, {"connections_path": None}, UNREAD),
    Refusal("no mount in the id", VAULTS, CONNECTION, {"mount_point": None}, UNREAD),
    Refusal("no prefix", AWS, CONNECTION, {"connections_prefix": None}, UNREAD),
    Refusal("hidden by a pattern", AWS, CONNECTION, {"connections_lookup_pattern": "other_.*"}, UNREAD),
    Refusal("another version", VAULTS[:1], CONNECTION, {"kv_engine_version": 2}, VERSION.format(1, 2)),
    Refusal("another version", VAULTS[1:], CONNECTION, {"kv_engine_version": 1}, VERSION.format(2, 1)),
]


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        pytest.param(name, refusal, id=f"{name}-{refusal.what}".replace(" ", "-"))
        for refusal in REFUSALS
        for name in refusal.sites
    ],
)
def test_it_fails_for_good_at_its_first_try_and_no_key_is_asked_for(
    servers: Servers, scene: Scene, configure: Configure, name: str, refusal: Refusal
) -> None:
    outside = refusal.destination == OUTSIDE
    site = servers.site(name)
    configure({} if outside else site.settings(**refusal.settings))
    errors: list[str] = []
    ids: dict[str, Any] = scene.ids
    with DAG("refused", schedule=None) as dag:
        PolytomicCreateApiKeyOperator(
            task_id="issue",
            destination=site.outside.format(conn_id=WRITER, name="acme") if outside else refusal.destination,
            retries=2,
            retry_delay=timedelta(0),
            on_failure_callback=lambda context: errors.append(str(context["exception"])),
            **ids,
        )
    run = run_dag(dag)
    assert (run.states, run.tries) == ({"issue": "failed"}, {"issue": 1})
    assert re.search(refusal.error, errors[0]), errors[0]
    assert scene.posts == []
    assert site.fields("acme") == {}
    assert site.held_outside("acme") == (None, None)
