"""DAGs that are searched for leaks; the tests copy this file into the folder of the JSON file that it reads."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import os
import traceback
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_polytomic.assets import api_keys_alias
from airflow_provider_polytomic.operators.api_keys import PolytomicCreateApiKeyOperator
from tests.dag_runs.secrets_settings import secrets_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT = json.loads(Path(__file__).with_name("leak_cases.json").read_text())


class IssueInATrap(PolytomicCreateApiKeyOperator):
    """The operator on a worker with other settings of the secrets backend."""

    def __init__(self, *, settings: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings

    def execute(self, context: Any) -> Any:
        with _settings_of(self.settings):
            return super().execute(context)


@contextlib.contextmanager
def _settings_of(file: str | None) -> Iterator[None]:
    """Configure this process's secrets backend from a file, since some settings are secrets."""
    if file is None:
        yield
        return
    with secrets_settings(json.loads(Path(file).read_text())):
        yield


def note_error(context: Any) -> None:
    """Write the class of the error to a file."""
    Path(CONTENT["errors"], context["ti"].task_id).write_text(type(context["exception"]).__name__)


def tell_everything(context: Any) -> None:
    """Print what a careless callback may print, and fail."""
    print(dict(context))
    error = context["exception"]
    if isinstance(error, BaseException):
        print(repr(error), error.args, vars(error), error.__cause__, error.__context__)
        print("".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()))
    raise RuntimeError(f"the callback fails as well: {context}")


def issue(*, tell_all: bool = False, **given: Any) -> PolytomicCreateApiKeyOperator:
    given["on_failure_callback"] = [note_error, tell_everything] if tell_all else note_error
    if "execution_timeout" in given:
        given["execution_timeout"] = timedelta(seconds=given["execution_timeout"])
    return IssueInATrap(outlets=[api_keys_alias()], **{"retries": 0, "retry_delay": timedelta(0), **given})


with DAG("leak_cases", schedule=None, max_active_tasks=4):
    issued = {case["task_id"]: issue(**case) for case in CONTENT["cases"]}

    @task
    def careless(uses: list[tuple[str, str | None]]) -> str:
        """Use the stored keys, print everything, and keep the hooks in locals of the frame that fails."""
        from airflow_provider_polytomic.hooks.polytomic import PolytomicHook

        hooks, ids = [], []
        for destination, settings in uses:
            with _settings_of(settings):
                hook = PolytomicHook.for_destination(destination, server="polytomic_default")
                me = hook.get_identity()
            session = hook.get_conn()
            print(hook, vars(hook), hook.settings, session, vars(session), session.auth, me)
            logging.getLogger(__name__).debug("%r %r", vars(hook), hook.settings)
            hooks.append(hook)
            ids.append(str(me.id))
        raise ValueError(hooks, ids)

    for name, uses in CONTENT["careless"].items():
        [issued[used] for used in uses] >> careless.override(task_id=name)(list(uses.values()))

    @task
    def canary() -> str:
        """Write a secret in every form and to every output, which proves that the scan finds it there."""
        secret = os.environ["LEAK_CANARY"]
        lines = {
            "plain": secret,
            "piece": secret[9:21],
            "json": json.dumps({"key": secret}),
            "url": quote(secret, safe=""),
        }
        for shift in range(3):
            lines[f"base64_{shift}"] = base64.b64encode(b"x" * shift + secret.encode() + b"y").decode()
        for name, line in lines.items():
            logging.getLogger("airflow.task").info("logged %s: %s", name, line)
            print(f"printed {name}: {line}")
            os.write(1, f"written {name}: {line}\n".encode())
        return secret

    canary()


with DAG("leaks_rotation", schedule=None):
    issue(task_id="rotate", force=True, **CONTENT["rotation"])
