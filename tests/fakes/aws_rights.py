"""Rights that a request needs, and their resources; AWS checks them before anything else.

Authorisation comes before existence: a caller without the right to read a secret does not learn whether it exists.
For a secret that does not exist, IAM checks an ARN with six invented characters, so ``secret:name-??????`` matches and
``secret:name`` does not (iann0036/iam-dataset #22, run against AWS); the message names the secret as the request does.
For a name that no parameter can have, IAM checks ``arn:aws:ssm:region:account:*`` (messages quoted in
aws-solutions/aws-control-tower-customizations #208).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fakes.aws_call import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.aws_call import Call
    from tests.fakes.aws_moto import Moto

__all__ = ["Right", "is_legal", "needed_rights", "parameter_arn", "without_selector"]

# Actions without a single secret; their refusals name no resource.
_ABOUT_ALL_SECRETS = {"ListSecrets"}
_LEGAL = re.compile(r"/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")


@dataclass(frozen=True, slots=True)
class Right:
    """One action on one resource.

    :param shown: how a refusal names the resource.
    """

    action: str
    resource: str
    shown: str


def needed_rights(call: Call, moto: Moto) -> Iterator[Right]:
    """Yield the rights of the request's own service; those of STS and KMS are checked where they are used."""
    if call.service == "secretsmanager":
        yield from _on_secrets(call, moto)
    elif call.service == "ssm":
        yield from _on_parameters(call)


def parameter_arn(region: str, name: str) -> str:
    """Return the ARN of a parameter, without a second slash before its name."""
    return f"arn:aws:ssm:{region}:{ACCOUNT}:parameter/{name.removeprefix('/')}"


def is_legal(name: str) -> bool:
    """Whether a parameter can have this name: its characters, and a slash before a path."""
    return bool(_LEGAL.fullmatch(name)) and ("/" not in name or name.startswith("/"))


def without_selector(name: str) -> str:
    """Return the name without ``:version`` or ``:label``."""
    return name if name.startswith("arn:") else name.partition(":")[0]


def _on_secrets(call: Call, moto: Moto) -> Iterator[Right]:
    if call.action in _ABOUT_ALL_SECRETS:
        yield Right(f"secretsmanager:{call.action}", "*", "")
        return
    name: str = call.body.get("SecretId") or call.body.get("Name", "")
    secret = moto.secret(call.region, name)
    invented = (
        name if name.startswith("arn:") else f"arn:aws:secretsmanager:{call.region}:{ACCOUNT}:secret:{name}-AbCdEf"
    )
    arn = invented if secret is None else secret.arn
    yield Right(f"secretsmanager:{call.action}", arn, name)
    if call.action == "CreateSecret" and call.body.get("Tags"):
        yield Right("secretsmanager:TagResource", arn, name)


def _on_parameters(call: Call) -> Iterator[Right]:
    names = call.body.get("Names") or [call.body.get("Name", "")]
    for name in map(without_selector, names):
        arn = parameter_arn(call.region, name) if is_legal(name) else f"arn:aws:ssm:{call.region}:{ACCOUNT}:*"
        yield Right(f"ssm:{call.action}", name if name.startswith("arn:") else arn, arn)
