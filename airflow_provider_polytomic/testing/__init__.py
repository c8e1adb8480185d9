"""Emulator of Polytomic for tests: a server on this machine that responds as the API's documentation says.

::

    from airflow_provider_polytomic.testing import Fault, PolytomicEmulator

    with PolytomicEmulator() as emulator:
        organization = emulator.add_organization("Acme")
        user = emulator.add_user(organization.id, "ada@acme.example")
        emulator.inject("drop endpoint=create_api_key when=after")

From a shell: ``python -m airflow_provider_polytomic.testing --port 8766``. In pytest: the fixture
``polytomic_emulator`` of the plugin ``airflow_provider_polytomic.testing.plugin``.
The server needs the extra ``testing``. Names are loaded on first use, so importing the plugin costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_polytomic.testing.emulator import PolytomicEmulator
    from airflow_provider_polytomic.testing.errors import RefusalError
    from airflow_provider_polytomic.testing.faults import Fault
    from airflow_provider_polytomic.testing.request_log import ReceivedRequest
    from airflow_provider_polytomic.testing.state import Invitation, Organization, Role, User

__all__ = [
    "Fault",
    "Invitation",
    "Organization",
    "PolytomicEmulator",
    "ReceivedRequest",
    "RefusalError",
    "Role",
    "User",
]

_MODULES = {
    "RefusalError": "errors",
    "Fault": "faults",
    "Invitation": "state",
    "Organization": "state",
    "PolytomicEmulator": "emulator",
    "ReceivedRequest": "request_log",
    "Role": "state",
    "User": "state",
}
_EXTRA = {"anyio", "h11", "starlette", "uvicorn"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in _EXTRA:
            raise
        raise ImportError(
            f"The Polytomic emulator needs {library}, which is not installed. Install the extra 'testing' from your "
            "checkout or wheel, such as: pip install '.[testing]'"
        ) from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
