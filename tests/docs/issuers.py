"""Issue a key to a destination of a store's page, with the operator and the policies of that page."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from tests.dag_runs.secrets_settings import BACKEND, KWARGS, secrets_settings
from tests.docs.policies import policy
from tests.docs.store_pages import ParameterStorePage, SecretsManagerPage, VaultPage
from tests.unit.operators.conftest import MONDAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.docs.policies import Policy
    from tests.docs.store_pages import StorePage
    from tests.fixtures import Scene

    Context = Callable[..., Any]

__all__ = ["PageIssuer", "issuer"]


class PageIssuer:
    """Issuer of a customer's key to destinations of a page."""

    def __init__(self, site: StorePage, scene: Scene, context: Context) -> None:
        self.site, self.scene, self._context = site, scene, context
        self._runs = itertools.count()

    def issue(self, destination: str, **given: Any) -> dict[str, Any]:
        """Run the operator in a new DAG run and, for Airflow, in a new process."""
        self.site.use(self.policy)
        context = self._context(MONDAY + timedelta(days=next(self._runs)))
        arguments = {"destination": self.site.here(destination), "retries": 1, **self.scene.ids, **given}
        returned: dict[str, Any] = PolytomicCreateApiKeyOperator(task_id="issue", **arguments).execute(context)
        return returned

    @property
    def key(self) -> str:
        """The only key that works."""
        return self.scene.emulator.live_key(self.scene.user.id)

    @property
    def policy(self) -> Policy:
        """All policies of the page, together."""
        page = self.site.page
        worker, consumer = policy(page, "worker"), policy(page, "consumer")
        if not isinstance(self.site, VaultPage):
            return worker + policy(page, "worker kms") + consumer
        return worker if self.site.version == 2 else worker.without_data() + policy(page, "worker kv1")


@pytest.fixture
def issuer(
    request: pytest.FixtureRequest,
    scene: Scene,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Callable[[str], PageIssuer]]:
    partner = {"conn_type": "polytomic", "host": scene.emulator.base_url, "password": scene.emulator.partner_key}
    monkeypatch.setenv("AIRFLOW_CONN_POLYTOMIC_DEFAULT", json.dumps(partner))

    # Otherwise Airflow 2.11 would keep its backend after the test.
    for setting in (BACKEND, KWARGS):
        monkeypatch.delenv(setting)

    def make(name: str) -> PageIssuer:
        if name.startswith("vault"):
            server = request.getfixturevalue("shared_vault_fake")
            return PageIssuer(VaultPage(server, int(name[-1]), monkeypatch, tmp_path), scene, context)
        cls = SecretsManagerPage if name == "secretsmanager" else ParameterStorePage
        return PageIssuer(cls(request.getfixturevalue("aws_server"), monkeypatch, tmp_path), scene, context)

    with secrets_settings({}):
        yield make
