"""How does a forked process reach the metastore as a running task does? As ``dag.test()`` has it, without a DAG."""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_polytomic.version_compat import AIRFLOW_V_3_0_PLUS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["in_a_task", "prepare"]


def prepare() -> None:
    """Do beforehand what costs seconds and starts no thread, which a fork would lose."""
    if AIRFLOW_V_3_0_PLUS:
        from airflow.sdk.execution_time.supervisor import in_process_api_server

        assert in_process_api_server().app is not None


@contextmanager
def in_a_task() -> Iterator[None]:
    """Airflow 3: the channel to a supervisor that asks a real Execution API, both in this process. 2.11: nothing."""
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

    supervisor = InProcessTestSupervisor(
        id=uuid.uuid4(),
        pid=os.getpid(),
        process=psutil.Process(),
        process_log=structlog.get_logger(logger_name="task"),
        client=InProcessTestSupervisor._api_client(),
    )
    supervisor.comms = InProcessSupervisorComms(supervisor=supervisor)
    with set_supervisor_comms(supervisor.comms):
        yield
