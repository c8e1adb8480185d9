"""What may a parameter be called? The rules of PutParameter's documentation, which moto does not apply."""

from __future__ import annotations

import re

from tests.servers.aws_call import AwsError

__all__ = ["check_new_name", "check_read_name", "is_legal", "without_selector"]

_LEGAL = re.compile(r"/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_LEVELS = 15
# With the ARN in front of it.
_LENGTH = 1011
# AWS answers this for every character that is not allowed, and when reading a path without its first slash.
_ILLEGAL = (
    'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of '
    "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 "
    "symbols .-_"
)


def is_legal(name: str) -> bool:
    """Whether the name can be that of a parameter: the characters, and a slash before a path."""
    return bool(_LEGAL.fullmatch(name)) and ("/" not in name or name.startswith("/"))


def without_selector(name: str) -> str:
    """Drop ``:version`` or ``:label``."""
    return name if name.startswith("arn:") else name.partition(":")[0]


def check_read_name(name: str) -> None:
    """Refuse to look for what cannot be.

    :raises AwsError: ValidationException.
    """
    if not name.startswith("arn:") and not is_legal(without_selector(name)):
        raise AwsError("ValidationException", _ILLEGAL)


def check_new_name(name: str, arn: str) -> None:
    """Refuse a name that AWS would not give to a parameter; what begins with ``aws`` or ``ssm`` moto itself refuses.

    :param arn: what the name would be part of.
    :raises AwsError: as AWS does.
    """
    if _LEGAL.fullmatch(name) and not is_legal(name):
        raise AwsError("ValidationException", "Parameter name must be a fully qualified name.")
    if not is_legal(name):
        raise AwsError("ValidationException", _ILLEGAL)
    if len(arn) > _LENGTH:
        raise AwsError("ValidationException", f"Parameter name must not be longer than {_LENGTH} characters.")
    if name.strip("/").count("/") + 1 > _LEVELS:
        raise AwsError(
            "HierarchyLevelLimitExceededException",
            f"A hierarchy can have a maximum of {_LEVELS} levels. For more information, see Requirements and "
            "constraints for parameter names in the Amazon Web Services Systems Manager User Guide.",
        )
