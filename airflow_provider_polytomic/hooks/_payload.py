"""Parsing of a success response into a model or a key; an error never shows the body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from airflow_provider_polytomic._support.tracebacks import strip_traceback
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import PolytomicInvalidResponseError, PolytomicMissingKeyError
from airflow_provider_polytomic.hooks._json import iterate_data, parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic.hooks._transport import Response

__all__ = ["read_key", "read_many", "read_one"]

M = TypeVar("M", bound=BaseModel)


@strip_traceback
def read_key(response: Response, request: str) -> ApiKey:
    """Return the key of ``{"data": {"value": "<key>"}}``.

    :raises PolytomicMissingKeyError: if the body is in Polytomic's form, but contains no string that can be a key.
    :raises PolytomicInvalidResponseError: if the body is not in Polytomic's form.
    """
    key = _parse_key(response)
    if key is None:
        raise _invalid_response(response, request, PolytomicMissingKeyError if _has_object(response) else None)
    return key


@strip_traceback
def read_one(model: type[M], response: Response, request: str, **expected: str | None) -> M:
    """Return the object under ``data``.

    :param expected: values that these fields must have if the response contains them. A cache on the way may return
        another object.
    :raises PolytomicInvalidResponseError: if the object is missing, invalid or another one.
    """
    value = _validate(model, _read_data(response))
    if value is None or not _matches(value, expected):
        raise _invalid_response(response, request)
    return value


@strip_traceback
def read_many(model: type[M], response: Response, request: str, **expected: str | None) -> list[M]:
    """Return the list under ``data``; null counts as an empty list.

    :param expected: as in :func:`read_one`, for each item.
    :raises PolytomicInvalidResponseError: if the list is missing, or an item is invalid or another one.
    """
    values = _validate_all(model, response)
    if values is None or not all(_matches(value, expected) for value in values):
        raise _invalid_response(response, request)
    return values


# The functions below hold plain text and raise nothing. An exception that a signal raises in them loses its frames.


def _read_data(response: Response) -> Any:
    try:
        body = parse_json(response.content)
    except ValueError:
        return None
    return body.get("data") if isinstance(body, dict) else None


def _has_object(response: Response) -> bool:
    return isinstance(_read_data(response), dict)


def _parse_key(response: Response) -> ApiKey | None:
    data = _read_data(response)
    try:
        return ApiKey(data["value"]) if isinstance(data, dict) else None
    except (KeyError, ValueError):
        return None


def _validate(model: type[M], data: Any) -> M | None:
    try:
        value = model.model_validate(data)
    except ValidationError:
        return None
    # An object without any known field is not from this endpoint, even if every field is optional.
    return value if value.model_fields_set else None


def _matches(value: BaseModel, expected: Mapping[str, str | None]) -> bool:
    return all(
        wanted is None or (actual := getattr(value, name)) is None or actual.lower() == wanted.lower()
        for name, wanted in expected.items()
    )


def _validate_all(model: type[M], response: Response) -> list[M] | None:
    values: list[M] = []
    try:
        for item in iterate_data(response.content) or ():
            value = _validate(model, item)
            if value is None:
                return None
            values.append(value)
    except ValueError:
        return None
    return values


def _invalid_response(
    response: Response, request: str, error_type: type[PolytomicInvalidResponseError] | None = None
) -> PolytomicInvalidResponseError:
    problem = "without the expected content" if response.whole else "with a body that is too long or damaged"
    return (error_type or PolytomicInvalidResponseError)(
        f"{request}: Polytomic answered {response.status} {problem}. The body is not shown, because it could contain a "
        "key. The request may have taken effect. Check that the host is a Polytomic server, and which objects exist.",
        reason="content_missing" if response.whole else "content_unreadable",
        request=request,
    )
