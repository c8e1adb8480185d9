"""How does a script that speaks only HTTP look into the emulator and disturb it? Under ``/_emulator/``.

``GET /_emulator/state``, ``POST /_emulator/faults {"fault": "drop endpoint=create_api_key"}``,
``DELETE /_emulator/faults``, ``POST /_emulator/release``. They need no credential,
and are neither recorded nor met by faults.
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
        with dispatcher.settled():
            return JSONResponse(_state(dispatcher))

    async def inject(request: Request) -> JSONResponse:
        try:
            fault = Fault.parse((await request.json())["fault"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return JSONResponse({"error": f"give {{'fault': '<text form>'}}: {error}"}, 422)
        with dispatcher.settled():
            dispatcher.faults.add(fault)
            return JSONResponse({"faults": dispatcher.faults.pending()})

    async def clear(_request: Request) -> JSONResponse:
        with dispatcher.settled():
            dispatcher.faults.clear()
        return JSONResponse({"faults": []})

    async def release(_request: Request) -> JSONResponse:
        dispatcher.release()
        return JSONResponse({"held": 0})

    return [
        Route("/_emulator/state", state, methods=["GET"]),
        Route("/_emulator/faults", inject, methods=["POST"]),
        Route("/_emulator/faults", clear, methods=["DELETE"]),
        Route("/_emulator/release", release, methods=["POST"]),
    ]


def _state(dispatcher: Dispatcher) -> dict[str, Any]:
    world = dispatcher.world
    return {
        "organizations": [{"id": o.id, "name": o.name, "owner": o.id == world.owner_id} for o in world.organizations()],
        "invitations": len(world.invitations),
        "users": [_user(dispatcher, user.id) for user in world.all_users()],
        "minted": world.keys.minted(),
        "received": dispatcher.log.counts(),
        "faults": dispatcher.faults.pending(),
        "held": dispatcher.held(),
    }


def _user(dispatcher: Dispatcher, user_id: str) -> dict[str, Any]:
    user, keys = dispatcher.world.user(user_id), dispatcher.world.keys
    live = keys.live(user_id)
    return {
        "id": user.id,
        "email": user.email,
        "organization_id": user.organization_id,
        "roles": dispatcher.world.role_names(user),
        "minted": keys.minted(user_id),
        "live_keys": live,
        "fingerprints": [ApiKey(text).fingerprint for text in live],
    }
