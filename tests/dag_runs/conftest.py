"""Fixtures for tests that run DAGs in this process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.dag_runs.secrets_settings import configure_secrets, secrets_settings
from tests.dag_runs.servers import SITES, servers
from tests.fixtures import scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.dag_runs.servers import Servers, Site
    from tests.fixtures import Scene

__all__ = ["scene", "servers"]


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest, servers: Servers) -> Site:
    """Return each store, empty."""
    return servers.site(request.param)


@pytest.fixture
def configure(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Mapping[str, str]], None]]:
    """Return a function that configures another secrets backend; the issuing connection is in the environment."""
    issuing = {"conn_type": "polytomic", "host": scene.emulator.base_url, "password": scene.emulator.partner_key}
    monkeypatch.setenv("AIRFLOW_CONN_POLYTOMIC_DEFAULT", json.dumps(issuing))
    # boto3 waits longer and longer between attempts.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with secrets_settings({}):
        yield configure_secrets
