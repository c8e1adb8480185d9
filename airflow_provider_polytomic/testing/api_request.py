"""What does a request ask for? The request in the terms of the API, with its body and query checked on demand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.testing.errors import RefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic.testing.request_log import ReceivedRequest

__all__ = ["Call"]


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose endpoint is known.

    :param request: as it arrived.
    :param ids: what stands in the variable parts of the path: ``org_id``, ``id``.
    """

    request: ReceivedRequest
    ids: Mapping[str, str]

    def body(self, *, refusal: int = 422) -> dict[str, Any]:
        """Return the JSON object in the body; an empty body is an empty object."""
        if not self.request.body.strip():
            return {}
        try:
            content = json.loads(self.request.body)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise RefusalError.of_field(refusal, "body", "must be a JSON object")
        return content

    def text(self, field: str, *, refusal: int = 422) -> str:
        """Return a text that the body must have."""
        value = self.optional_text(field, refusal=refusal)
        if not value or not value.strip():
            raise RefusalError.of_field(refusal, field, "is required")
        return value

    def optional_text(self, field: str, *, refusal: int = 422) -> str | None:
        """Return a text that the body may have."""
        value = self.body(refusal=refusal).get(field)
        if value is not None and not isinstance(value, str):
            raise RefusalError.of_field(refusal, field, "must be a string")
        return value

    def texts(self, field: str) -> list[str] | None:
        """Return a list of texts that the body may have; an empty one is refused."""
        value = self.body().get(field)
        if value is None:
            return None
        if not isinstance(value, list) or not value or not all(isinstance(entry, str) for entry in value):
            raise RefusalError.of_field(422, field, "must be a list of at least one string")
        return value

    def flag(self, parameter: str) -> bool:
        """Return a query parameter that is ``true`` or ``false``, as the official SDK writes them; absent is false."""
        value = self.request.query.get(parameter, "false")
        if value not in {"true", "false"}:
            raise RefusalError.of_field(422, parameter, "must be true or false")
        return value == "true"
