"""What a secret and a tag may be: the checks that AWS does and moto does not."""

from __future__ import annotations

import base64
import re
import unicodedata
from typing import TYPE_CHECKING, Any

from tests.servers.aws_call import AwsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["check_name", "check_same", "check_tags", "check_value", "token_of"]

_MOST_BYTES = 65_536
_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}")
_MOST_TAGS = 50
_KEY_LENGTH = 128
_VALUE_LENGTH = 256
_SYMBOLS = "_.:/=+-@"


def check_name(name: str) -> None:
    """Refuse a name that AWS would not give to a secret.

    :raises AwsError: ValidationException.
    """
    if not _NAME.fullmatch(name):
        raise AwsError(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        )


def token_of(body: Mapping[str, Any]) -> str:
    """Return the ClientRequestToken, which SDKs make up and AWS insists on; it becomes the id of the version.

    :raises AwsError: if there is none, or it is too short or too long.
    """
    token: str = body.get("ClientRequestToken", "")
    if not token:
        raise AwsError(
            "InvalidRequestException", "You must provide a ClientRequestToken value. We recommend a UUID-type value."
        )
    if not 32 <= len(token) <= 64:
        raise AwsError("InvalidParameterException", "ClientRequestToken must be 32-64 characters long.")
    return token


def check_value(body: Mapping[str, Any]) -> None:
    """Refuse a value of more than 65,536 bytes.

    :raises AwsError: ValidationException.
    """
    sizes = {
        "secretString": len(body.get("SecretString", "").encode()),
        "secretBinary": len(base64.b64decode(body.get("SecretBinary", ""))),
    }
    for member, size in sizes.items():
        if size > _MOST_BYTES:
            raise AwsError(
                "ValidationException",
                f"1 validation error detected: Value at '{member}' failed to satisfy constraint: "
                f"Member must have length less than or equal to {_MOST_BYTES}",
            )


def check_same(secret: Any, token: str, body: Mapping[str, Any]) -> None:
    """Refuse another value for a version that exists.

    :raises AwsError: ResourceExistsException.
    """
    held = secret.versions[token]
    if (held.get("secret_string"), held.get("secret_binary")) != (body.get("SecretString"), body.get("SecretBinary")):
        raise AwsError(
            "ResourceExistsException",
            f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret "
            f"{secret.arn}.",
        )


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
    if len({tag["Key"] for tag in tags} | set(present)) > _MOST_TAGS:
        raise AwsError(too_many, f"There can be at most {_MOST_TAGS} tags.")


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
