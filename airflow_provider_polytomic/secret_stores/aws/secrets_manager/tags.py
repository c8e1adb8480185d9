"""Issuance record in the tags of a secret: one tag for each field, and one that lists the fields in use.

So a field that a later record does not have needs no UntagResource, and tags of other owners stay. Unused fields are
written empty, so the first record already shows whether all tags fit. A value has at most 256 characters, none of them
of JSON's punctuation (AWS General Reference, "Tag naming limits and requirements").
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from airflow_provider_polytomic.secret_stores.base import RECORD_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["MAX_TAGS", "decode_record", "encode_record", "list_record_tags"]

# "AWS Secrets Manager quotas".
MAX_TAGS = 50
_NAMES = "polytomic-issuance"
_FIELD = "polytomic-issuance:"


def encode_record(record: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the record as tags, in AWS's form."""
    fields = {_escape(name): _escape(value) for name, value in record.items()}
    values = dict.fromkeys(RECORD_FIELDS, "") | fields
    tags = {_NAMES: " ".join(fields)} | {f"{_FIELD}{name}": value for name, value in values.items()}
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def decode_record(tags: Iterable[Mapping[str, str]]) -> dict[str, str] | None:
    """Return the record from the tags of a secret; None if they contain none."""
    values = {tag["Key"]: tag.get("Value", "") for tag in tags}
    if _NAMES not in values:
        return None
    names = values[_NAMES].split()
    return {_unescape(name): _unescape(values[f"{_FIELD}{name}"]) for name in names if f"{_FIELD}{name}" in values}


def list_record_tags(tags: Iterable[Mapping[str, str]]) -> list[str]:
    """Return the names of a secret's tags that belong to a record, in use or not."""
    return [tag["Key"] for tag in tags if tag["Key"] == _NAMES or tag["Key"].startswith(_FIELD)]


def _escape(text: str) -> str:
    """Percent-encode, with ``=`` for the ``%`` that tags may not contain."""
    return quote(text, safe="/:+@").replace("~", "%7E").replace("%", "=")


def _unescape(text: str) -> str:
    return unquote(text.replace("=", "%"))
