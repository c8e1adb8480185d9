"""Control paths, ``/_emulator/...``, for scripts that speak only HTTP.

``GET /_emulator/state``, ``POST /_emulator/faults {"fault": "drop endpoint=create_api_key"}``,
``DELETE /_emulator/faults``, ``POST /_emulator/release``. They need no key,
are not recorded, and are not affected by faults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse
from starlette.routing import Route

from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.testing.faults import Fault

if TYPE_CHECKING:
    from starlette.requests import Request

    from airflow_provider_polytomic.testing.dispatch import Dispatcher

__all__ = ["control_routes"]


def control_routes(dispatcher: Dispatcher) -> list[Route]:
    """Return the routes of the control paths."""

    async def state(_request: Request) -> JSONResponse:
        with dispatcher.locked():
            return JSONResponse(_state(dispatcher))

    async def inject(request: Request) -> JSONResponse:
        try:
            fault = Fault.parse((await request.json())["fault"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return JSONResponse({"error": f'the body must be {{"fault": "<fault>"}}: {error}'}, 422)
        with dispatcher.locked():
            dispatcher.faults.add(fault)
            return JSONResponse({"faults": dispatcher.faults.pending()})

    async def clear(_request: Request) -> JSONResponse:
        with dispatcher.locked():
            dispatcher.faults.clear()
        return JSONResponse({"faults": []})

    async def release(_request: Request) -> JSONResponse:
        dispatcher.release()
        return JSONResponse({"late_effects": 0})

    return [
        Route("/_emulator/state", state, methods=["GET"]),
        Route("/_emulator/faults", inject, methods=["POST"]),
        Route("/_emulator/faults", clear, methods=["DELETE"]),
        Route("/_emulator/release", release, methods=["POST"]),
    ]


def _state(dispatcher: Dispatcher) -> dict[str, Any]:
    state = dispatcher.state
    return {
        "organizations": [{"id": o.id, "name": o.name, "owner": o.id == state.owner_id} for o in state.organizations()],
        "invitations": len(state.invitations),
        "users": [_user(dispatcher, user.id) for user in state.all_users()],
        "minted": state.keys.minted(),
        "received": dispatcher.log.counts(),
        "faults": dispatcher.faults.pending(),
        "late_effects": dispatcher.count_late(),
    }


def _user(dispatcher: Dispatcher, user_id: str) -> dict[str, Any]:
    user, keys = dispatcher.state.user(user_id), dispatcher.state.keys
    live = keys.live(user_id)
    return {
        "id": user.id,
        "email": user.email,
        "organization_id": user.organization_id,
        "roles": dispatcher.state.role_names(user),
        "minted": keys.minted(user_id),
        "live_keys": live,
        "fingerprints": [ApiKey(text).fingerprint for text in live],
    }
