"""Log masking of Airflow, a second line of defence: the package never logs, raises or returns a key."""

from __future__ import annotations

import logging
import threading
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from airflow_provider_polytomic._airflow.supervisor import SUPERVISOR_LOCK
from airflow_provider_polytomic._airflow.version import AIRFLOW_V_3_0_PLUS
from airflow_provider_polytomic._support.tracebacks import strip_traceback

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic.credentials import ApiKey

__all__ = ["BoundedMasker", "logs_at_debug", "mask_secret", "warn_about_unmasked_variable"]

log = logging.getLogger(__name__)

# Names of Airflow's own loggers; "supervisor" logs what a task sends.
_AIRFLOW_LOGGERS = ("", "airflow", "supervisor", "task")
_MAX = 100


@strip_traceback
def mask_secret(key: ApiKey) -> None:
    """Register a key with Airflow's log masking, without a name: Airflow ignores values with a harmless name."""
    from airflow.providers.common.compat.sdk import mask_secret as airflow_mask_secret

    with SUPERVISOR_LOCK:
        airflow_mask_secret(key.reveal())


class BoundedMasker:
    """Masker for a limited number of keys, since masking slows down with every key; thread-safe.

    :param mask: masks one key.
    :param limit: number of keys that are masked; later keys are not.
    """

    def __init__(self, mask: Callable[[ApiKey], None], *, limit: int = _MAX) -> None:
        self._mask, self._left = mask, limit
        self._lock = threading.Lock()

    def __call__(self, key: ApiKey) -> None:
        """Mask the key unless the limit is reached."""
        with self._lock:
            if not self._left:
                return
            self._left -= 1
        self._mask(key)


def _should_hide_value_for_key(name: str) -> bool:
    """Return whether Airflow masks the value of a Variable of this name."""
    if not AIRFLOW_V_3_0_PLUS:
        module = "airflow.utils.log.secrets_masker"
    elif find_spec("airflow.sdk._shared") is not None:
        module = "airflow.sdk._shared.secrets_masker"
    else:  # before 3.2
        module = "airflow.sdk.execution_time.secrets_masker"
    return bool(import_module(module).should_hide_value_for_key(name))


def warn_about_unmasked_variable(key: str) -> None:
    """Log a warning if Airflow does not mask a Variable of this name."""
    if not _should_hide_value_for_key(key):
        log.warning(
            "Airflow does not mask the Variable %s in its UI and logs.\n"
            "Its name contains no word that Airflow considers sensitive. A name with api_key or token in it, such as "
            "%s_api_key, is masked.",
            key,
            key,
        )


def logs_at_debug() -> bool:
    """Return whether Airflow logs at DEBUG in this process or, by its configuration, in the task's supervisor.

    The supervisor of 3.3 then logs ``PutVariable(value=...)`` unmasked.
    """
    from airflow.configuration import conf

    levels = {"": conf.get("logging", "logging_level", fallback="INFO")}
    for pair in conf.get("logging", "namespace_levels", fallback="").replace(",", " ").split():
        name, _, level = pair.partition("=")
        levels[name] = level
    configured = {level.upper() for name, level in levels.items() if name.partition(".")[0] in _AIRFLOW_LOGGERS}
    effective = min(logging.getLogger(name).getEffectiveLevel() for name in _AIRFLOW_LOGGERS)
    return bool(configured & {"DEBUG", "NOTSET"}) or effective <= logging.DEBUG
