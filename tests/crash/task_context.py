"""The metastore for a forked process, as a running task reaches it, without a DAG."""

from __future__ import annotations

import asyncio
import os
import threading
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic._airflow import metastore
from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["in_a_task", "prepare"]


def prepare() -> None:
    """Do in advance what takes seconds, without leaving a thread or a connection, which a fork could not use."""
    from airflow import settings

    assert metastore.get_variable("nobody_has_this") is None
    if AIRFLOW_V_3_0_PLUS:
        asyncio.run(_ask_for_nothing())
    for thread in set(threading.enumerate()) - {threading.main_thread()}:
        thread.join(timeout=60)  # the workers of the event loop stop soon after it
    assert settings.engine
    settings.engine.dispose()


async def _ask_for_nothing() -> None:
    """Send one request to the Execution API, which builds its routes with the first one (Cadwyn), in 7 s.

    The request runs without the lifespan, which can start only once.
    """
    import httpx
    from airflow.sdk.execution_time.supervisor import in_process_api_server

    transport = in_process_api_server().atransport
    async with httpx.AsyncClient(transport=transport, base_url="http://in-process.invalid./") as client:
        answer = await client.get("nowhere")
        assert answer.status_code == 404, answer.text


@contextmanager
def in_a_task() -> Iterator[None]:
    """Set up the channel to a supervisor with a real Execution API, both in this process; on 2.11, do nothing."""
    if not AIRFLOW_V_3_0_PLUS:
        yield
        return
    import psutil
    import structlog
    from airflow.sdk.execution_time.supervisor import (
        InProcessSupervisorComms,
        InProcessTestSupervisor,
        set_supervisor_comms,
    )

    this_process: Any = psutil.Process()  # like Airflow in its own process
    supervisor = InProcessTestSupervisor(
        id=uuid.uuid4(),
        pid=os.getpid(),
        process=this_process,
        process_log=structlog.get_logger(logger_name="task"),
        client=InProcessTestSupervisor._api_client(),
    )
    supervisor.comms = InProcessSupervisorComms(supervisor=supervisor)
    with set_supervisor_comms(supervisor.comms):
        yield
