"""Version of the installed Airflow, and classes that are imported from it on first use.

Importing this module imports only ``airflow`` itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow import __version__ as _airflow_version

if TYPE_CHECKING:
    from airflow.exceptions import AirflowFailException, AirflowSkipException
    from airflow.models import BaseOperator

__all__ = ["AIRFLOW_V_3_0_PLUS", "AirflowFailException", "AirflowSkipException", "BaseOperator"]

AIRFLOW_V_3_0_PLUS = int(_airflow_version.split(".")[0]) >= 3  # noqa: PLR2004 (the name says it)

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Import a class on first use: importing BaseOperator alone takes seconds in a new process."""
        if name == "BaseOperator":
            module = "airflow.sdk" if AIRFLOW_V_3_0_PLUS else "airflow.models.baseoperator"
        elif name in {"AirflowFailException", "AirflowSkipException"}:
            module = "airflow.providers.common.compat.sdk"
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value = getattr(import_module(module), name)
        return value
