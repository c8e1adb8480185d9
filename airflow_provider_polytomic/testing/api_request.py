"""A request in the terms of the API, whose body and query are checked on demand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.testing.errors import RefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic.testing.request_log import ReceivedRequest

__all__ = ["ApiRequest"]


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request whose endpoint is known.

    :param received: the request as it arrived.
    :param ids: the values of the variable parts of the path: ``org_id``, ``id``.
    """

    received: ReceivedRequest
    ids: Mapping[str, str]

    def body(self, *, refusal: int = 422) -> dict[str, Any]:
        """Return the JSON object in the body; an empty body counts as an empty object."""
        if not self.received.body.strip():
            return {}
        try:
            content = json.loads(self.received.body)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise RefusalError.of_field(refusal, "body", "must be a JSON object")
        return content

    def required_string(self, field: str, *, refusal: int = 422) -> str:
        """Return a string that the body must have."""
        value = self.optional_string(field, refusal=refusal)
        if not value or not value.strip():
            raise RefusalError.of_field(refusal, field, "is required")
        return value

    def optional_string(self, field: str, *, refusal: int = 422) -> str | None:
        """Return a string that the body may have, or None."""
        value = self.body(refusal=refusal).get(field)
        if value is not None and not isinstance(value, str):
            raise RefusalError.of_field(refusal, field, "must be a string")
        return value

    def strings(self, field: str) -> list[str] | None:
        """Return a list of strings that the body may have, or None; an empty list is rejected."""
        value = self.body().get(field)
        if value is None:
            return None
        if not isinstance(value, list) or not value or not all(isinstance(entry, str) for entry in value):
            raise RefusalError.of_field(422, field, "must be a list of at least one string")
        return value

    def flag(self, parameter: str) -> bool:
        """Return a boolean query parameter, which is false if it is absent."""
        value = self.received.query.get(parameter, "false")
        if value not in {"true", "false"}:
            raise RefusalError.of_field(422, parameter, "must be true or false")
        return value == "true"
