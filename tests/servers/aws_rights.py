"""Which rights does a request need before AWS looks at anything else, and on which resource?

Authorisation comes before existence: who may not read a secret is not told whether there is one. For a secret that does
not exist, IAM judges an ARN with six characters made up for it, so ``secret:name-??????`` matches and ``secret:name``
does not (iann0036/iam-dataset #22, run against AWS); the message names the secret as the request did. What is not legal
as the name of a parameter is judged as ``arn:aws:ssm:region:account:*`` (messages quoted in
aws-solutions/aws-control-tower-customizations #208).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers.aws_call import ACCOUNT
from tests.servers.aws_parameter_names import is_legal, without_selector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.aws_call import Call
    from tests.servers.aws_moto import Moto

__all__ = ["Right", "needed_rights", "parameter_arn"]

# They are about no one secret, and their refusals name no resource.
_ABOUT_ALL_SECRETS = {"ListSecrets", "GetRandomPassword", "BatchGetSecretValue"}
_ABOUT_MANY_PARAMETERS = {"GetParameters", "DeleteParameters"}


@dataclass(frozen=True, slots=True)
class Right:
    """One action on one resource.

    :param shown: how a refusal names the resource.
    """

    action: str
    resource: str
    shown: str


def needed_rights(call: Call, moto: Moto) -> Iterator[Right]:
    """Yield what the request needs of its own service; STS and KMS are judged where they are used."""
    if call.service == "secretsmanager":
        yield from _on_secrets(call, moto)
    elif call.service == "ssm":
        yield from _on_parameters(call)


def parameter_arn(region: str, name: str) -> str:
    """Return the ARN of a parameter: the slash that its name begins with is not doubled."""
    return f"arn:aws:ssm:{region}:{ACCOUNT}:parameter/{name.removeprefix('/')}"


def _on_secrets(call: Call, moto: Moto) -> Iterator[Right]:
    if call.action in _ABOUT_ALL_SECRETS:
        yield Right(f"secretsmanager:{call.action}", "*", "")
        return
    name: str = call.body.get("SecretId") or call.body.get("Name", "")
    secret = moto.secret(call.region, name)
    made_up = (
        name if name.startswith("arn:") else f"arn:aws:secretsmanager:{call.region}:{ACCOUNT}:secret:{name}-AbCdEf"
    )
    arn = made_up if secret is None else secret.arn
    yield Right(f"secretsmanager:{call.action}", arn, name)
    if call.action == "CreateSecret" and call.body.get("Tags"):
        yield Right("secretsmanager:TagResource", arn, name)


def _on_parameters(call: Call) -> Iterator[Right]:
    action = f"ssm:{call.action}"
    everything = f"arn:aws:ssm:{call.region}:{ACCOUNT}:*"
    if call.action in _ABOUT_MANY_PARAMETERS:
        names = list(call.body.get("Names", []))
    else:
        named = call.body.get("Name") or call.body.get("ResourceId") or call.body.get("Path")
        names = [named] if named else []
    for name in names or [""]:
        plain = without_selector(name)
        arn = (
            plain if plain.startswith("arn:") else parameter_arn(call.region, plain) if is_legal(plain) else everything
        )
        yield Right(action, arn, arn)
        if call.action == "PutParameter" and call.body.get("Tags"):
            yield Right("ssm:AddTagsToResource", arn, arn)
