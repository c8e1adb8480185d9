"""What does a success hold? The value under ``data``, as a model or a key, or an error that shows nothing of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from airflow_provider_polytomic._support.tracebacks import strip_traceback
from airflow_provider_polytomic.credentials import ApiKey
from airflow_provider_polytomic.exceptions import PolytomicInvalidResponseError, PolytomicMissingKeyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_polytomic.hooks._transport import Response

__all__ = ["read_key", "read_many", "read_one"]

M = TypeVar("M", bound=BaseModel)


@strip_traceback
def read_key(answer: Response, request: str) -> ApiKey:
    """Return the key of ``{"data": {"value": "<key>"}}``.

    :raises PolytomicMissingKeyError: if Polytomic's form is there, but no text in it that can be a key.
    :raises PolytomicInvalidResponseError: if it is not Polytomic's form at all.
    """
    key = _key(answer)
    if key is None:
        raise _unreadable(answer, request, PolytomicMissingKeyError if _is_enveloped(answer) else None)
    return key


@strip_traceback
def read_one(model: type[M], answer: Response, request: str, **asked: str | None) -> M:
    """Return the object under ``data``.

    :param asked: fields that, where the answer has them, must be what was asked for: a cache in between may have
        answered with somebody else's.
    :raises PolytomicInvalidResponseError: if there is none, or it is not what the API promises.
    """
    value = _validated(model, _data(answer))
    if value is None or not _is_asked_for(value, asked):
        raise _unreadable(answer, request)
    return value


@strip_traceback
def read_many(model: type[M], answer: Response, request: str, **asked: str | None) -> list[M]:
    """Return the list under ``data``; the API's null is an empty list.

    :param asked: as in :func:`read_one`, of each member.
    :raises PolytomicInvalidResponseError: if there is none, or a member is not what the API promises.
    """
    values = _validated_all(model, answer)
    if values is None or not all(_is_asked_for(value, asked) for value in values):
        raise _unreadable(answer, request)
    return values


# The functions below hold plain text and raise nothing; what a signal raises in them leaves bare.


def _data(answer: Response, absent: Any = None) -> Any:
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        return absent
    return body.get("data", absent) if isinstance(body, dict) else absent


def _is_enveloped(answer: Response) -> bool:
    return isinstance(_data(answer), dict)


def _key(answer: Response) -> ApiKey | None:
    data = _data(answer)
    try:
        return ApiKey(data["value"]) if isinstance(data, dict) else None
    except (KeyError, ValueError):
        return None


def _validated(model: type[M], data: Any) -> M | None:
    try:
        value = model.model_validate(data)
    except ValidationError:
        return None
    # Where every field is optional, an object with none of them is somebody else's answer.
    return value if value.model_fields_set else None


def _is_asked_for(value: BaseModel, asked: Mapping[str, str | None]) -> bool:
    return all(
        expected is None or (found := getattr(value, name)) is None or found.lower() == expected.lower()
        for name, expected in asked.items()
    )


def _validated_all(model: type[M], answer: Response) -> list[M] | None:
    data = _data(answer, absent="absent")
    if data is None:
        return []
    values = [_validated(model, item) for item in data] if isinstance(data, list) else [None]
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else None


def _unreadable(
    answer: Response, request: str, kind: type[PolytomicInvalidResponseError] | None = None
) -> PolytomicInvalidResponseError:
    what = "without the promised content" if answer.whole else "with a body too long or too damaged to read"
    return (kind or PolytomicInvalidResponseError)(
        f"{request}: Polytomic answered {answer.status} {what}; it is not shown, as it could hold a key. "
        "What was asked for may have taken effect. Check that the host is a Polytomic server, and what it has.",
        reason="content_missing" if answer.whole else "content_unreadable",
        request=request,
    )
