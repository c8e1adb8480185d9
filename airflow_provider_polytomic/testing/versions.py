"""How does an answer look in the API version that the request asked for?

Versions, verbs and envelopes are from Polytomic's versioning guide; the error bodies are those that its SDKs of each
generation read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_polytomic.testing.errors import RefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CURRENT", "NOTHING", "SUPPORTED", "Answer", "render", "requested_version", "update_verb"]

SUPPORTED: Final = ("2021-05-23", "2022-12-12", "2023-04-25", "2024-02-08", "2025-09-18")
CURRENT: Final = SUPPORTED[-1]

NOTHING: Final = object()
"""What a handler returns when the documentation says that a success has no body."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, ready to be sent."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def requested_version(headers: Mapping[str, str]) -> str:
    """Return the version that a request asks for; without the header the newest, as the newest copy of the guide says.

    :raises RefusalError: 400 for a version that does not exist; what Polytomic does then is not documented.
    """
    version = headers.get("x-polytomic-version", CURRENT)
    if version not in SUPPORTED:
        raise RefusalError(400, f"unsupported X-Polytomic-Version; supported are {', '.join(SUPPORTED)}")
    return version


def update_verb(version: str) -> str:
    """Return the method that updates a resource: PATCH up to 2023-04-25, PUT from 2024-02-08 on."""
    return "PUT" if version >= "2024-02-08" else "PATCH"


def render(version: str, outcome: object) -> Answer:
    """Put data, :data:`NOTHING` or an :class:`RefusalError` into the form of a version."""
    headers = {"X-Polytomic-Version": version}
    if outcome is NOTHING:
        return Answer(200, b"", headers)
    headers["Content-Type"] = "application/json"
    if isinstance(outcome, RefusalError):
        return Answer(outcome.status, _json(_problem_body(version, outcome)), headers | outcome.headers)
    envelope = {"result": outcome, "error": None} if version <= "2021-05-23" else {"data": outcome}
    return Answer(200, _json(envelope), headers)


def _problem_body(version: str, problem: RefusalError) -> dict[str, Any]:
    if version <= "2021-05-23":
        return {"error": {"message": problem.message}}
    if version <= "2022-12-12":
        return {"message": problem.message, "status_code": problem.status, "metadata": []}
    if version <= "2024-02-08" and problem.status == HTTPStatus.UNAUTHORIZED:
        return {"code": problem.status, "context": problem.metadata, "error": problem.message, "status": "Unauthorized"}
    return {"key": problem.key, "message": problem.message, "metadata": problem.metadata, "status": problem.status}


def _json(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
