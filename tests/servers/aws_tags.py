"""Which tags does AWS take? Its documented limits, none of which moto checks."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from tests.servers.aws_call import AwsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["check_tags"]

_MOST = 50
_KEY_LENGTH = 128
_VALUE_LENGTH = 256
_SYMBOLS = "_.:/=+-@"


def check_tags(tags: Iterable[Mapping[str, str]], present: Iterable[str] = (), *, too_many: str) -> None:
    """Refuse tags that AWS would not take.

    :param present: the keys of those that are there already.
    :param too_many: the code for more than 50.
    :raises AwsError: the codes are not documented for each service; that they are refused is.
    """
    tags = list(tags)
    for number, tag in enumerate(tags, 1):
        _check_text(tag["Key"], f"tags.{number}.member.key", _KEY_LENGTH)
        _check_text(tag.get("Value", ""), f"tags.{number}.member.value", _VALUE_LENGTH)
        if tag["Key"].lower().startswith("aws:"):
            raise AwsError("InvalidParameterException", "Tag keys can't start with the reserved prefix aws:.")
    if len({tag["Key"] for tag in tags} | set(present)) > _MOST:
        raise AwsError(too_many, f"There can be at most {_MOST} tags.")


def _check_text(text: str, member: str, length: int) -> None:
    if len(text) > length:
        problem = f"Member must have length less than or equal to {length}"
    elif not all(character in _SYMBOLS or unicodedata.category(character)[0] in "LNZ" for character in text):
        problem = r"Member must satisfy regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"
    else:
        return
    raise AwsError(
        "ValidationException",
        f"1 validation error detected: Value at '{member}' failed to satisfy constraint: {problem}",
    )
