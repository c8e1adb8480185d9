"""Where Parameter Store is stricter than moto: one function an action; the messages are AWS's where they are known.

Sources: botocore's service model; "How AWS Systems Manager Parameter Store uses AWS KMS"; "Specifying a default
parameter tier". It is documented that a type cannot be changed; Terraform's acceptance tests seem to do it.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from typing import TYPE_CHECKING, Any

from tests.servers.aws_accounts import is_managed_by_aws
from tests.servers.aws_call import AwsError, Reply, json_reply
from tests.servers.aws_rights import is_legal, parameter_arn, without_selector

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.servers.aws_call import Context

__all__ = ["PARAMETERS_RULES"]

_MOST_BYTES = {"Standard": 4096, "Advanced": 8192}
_DEFAULT_KEY = "alias/aws/ssm"
_TO_ENCRYPT = {"Standard": ["kms:Encrypt"], "Advanced": ["kms:GenerateDataKey", "kms:Encrypt"]}
_LEVELS = 15
# With the ARN in front of it.
_LENGTH = 1011
# AWS answers this for every character that is not allowed, and when reading a path without its first slash.
_ILLEGAL = (
    'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of '
    "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 "
    "symbols .-_"
)


def _put(context: Context) -> Reply:
    body = context.body
    _check_new_name(body["Name"], parameter_arn(context.call.region, body["Name"]))
    if unknown := set(body) & {"Tags", "Policies"}:
        raise AwsError("NotModelled", f"this server does not know {unknown}")
    existing = context.moto.parameter(context.call.region, body["Name"])
    if existing is not None and not body.get("Overwrite"):
        return context.ask_moto()  # which refuses it
    kind = body.get("Type") or getattr(existing, "parameter_type", None)
    if existing is not None and kind != existing.parameter_type:
        raise AwsError(
            "HierarchyTypeMismatchException",
            "Parameter Store doesn't support changing a parameter type in a hierarchy. For example, you can't change a "
            "parameter from a String type to a SecureString type. You must create a new, unique parameter.",
        )
    tier = _tier(body, existing)
    _check_value(body["Value"], tier)
    _check_pattern(body["Value"], body.get("AllowedPattern") or getattr(existing, "allowed_pattern", None))
    if kind != "SecureString":
        return context.ask_moto({**body, "Tier": tier})
    # moto keeps the key of the version before; AWS takes its own key unless told otherwise each time.
    key = body.get("KeyId", _DEFAULT_KEY)
    _encrypt(context, key, _TO_ENCRYPT[tier])
    return context.ask_moto({**body, "Tier": tier, "KeyId": key})


def _get(context: Context) -> Reply:
    _check_read_name(context.body["Name"])
    parameter = context.moto.parameter(context.call.region, context.body["Name"])
    if parameter is not None:
        _decrypt(context, parameter)
    return _with_ciphertext(context.ask_moto())


PARAMETERS_RULES: Mapping[str, Callable[[Context], Reply]] = {
    "PutParameter": _put,
    "GetParameter": _get,
    "GetParameterHistory": _get,
}


def _check_read_name(name: str) -> None:
    """Refuse to look for what cannot be."""
    if not name.startswith("arn:") and not is_legal(without_selector(name)):
        raise AwsError("ValidationException", _ILLEGAL)


def _check_new_name(name: str, arn: str) -> None:
    """Refuse a name that AWS would not give to a parameter; what begins with ``aws`` or ``ssm`` moto itself refuses.

    :param arn: what the name would be part of.
    """
    if "/" in name and is_legal(f"/{name}"):
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


def _tier(body: Mapping[str, Any], existing: Any) -> str:
    was_advanced = existing is not None and existing.tier == "Advanced"
    tier: str = body.get("Tier", "Standard")
    if tier not in _MOST_BYTES:
        raise AwsError("NotModelled", f"this server does not know the tier {tier}")
    if was_advanced and tier == "Standard":
        raise AwsError(
            "ValidationException",
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
            "advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced "
            "parameter and recreate it as a standard parameter.",
        )
    return tier


def _check_value(value: str, tier: str) -> None:
    if len(value.encode()) > _MOST_BYTES[tier]:
        raise AwsError(
            "ValidationException",
            f"{tier} tier parameters support a maximum parameter value of {_MOST_BYTES[tier]} characters. To create a "
            "larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, "
            "see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html",
        )
    if "{{ssm:" in value or (value.startswith("{{") and value.endswith("}}")):
        raise AwsError("ValidationException", "Parameter value can't be nested or reference another parameter.")


def _check_pattern(value: str, pattern: str | None) -> None:
    """All of it has to match, also what an earlier version set ("Walkthrough: Manage parameters using hierarchies").

    Patterns are Java's; one that is not Python's too is taken to match.
    """
    if pattern and not re.search(r"\\p|&&", pattern) and not re.fullmatch(pattern, value):
        raise AwsError(
            "ParameterPatternMismatchException",
            f"Parameter value, cannot be validated against allowedPattern: {pattern}",
        )


def _encrypt(context: Context, name: str, actions: list[str]) -> None:
    if is_managed_by_aws(name):
        return
    arn = context.keys.usable(name)
    if arn is None:
        raise AwsError("InvalidKeyId", f"Invalid keyId {name} (Service: Kms, Status Code: 400, {_request_id()})")
    for action in actions:
        try:
            context.caller.check(action, arn)
        except AwsError as refused:
            raise AwsError(
                refused.code, f"{refused.message} (Service: AWSKMS; Status Code: 400; {_request_id()})"
            ) from None


def _decrypt(context: Context, parameter: Any) -> None:
    secure = parameter.parameter_type == "SecureString" and not is_managed_by_aws(parameter.keyid)
    if not (context.body.get("WithDecryption") and secure):
        return
    arn = context.keys.usable(parameter.keyid)
    if arn is None:
        raise AwsError("InvalidKeyId", f"{parameter.keyid} is disabled. (Service: AWSKMS; {_request_id()})")
    if not context.caller.allows("kms:Decrypt", arn):
        raise AwsError(
            "AccessDeniedException",
            "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you "
            f"are not allowed to access. (Service: AWSKMS; Status Code: 400; {_request_id()})",
        )


def _with_ciphertext(reply: Reply) -> Reply:
    """Hide what was not decrypted: moto answers the key's name and the plain value."""
    answer = reply.json
    for parameter in [answer.get("Parameter", {}), *answer.get("Parameters", [])]:
        if parameter.get("Type") == "SecureString" and parameter["Value"].startswith("kms:"):
            parameter["Value"] = hashlib.sha256(json.dumps(parameter["Value"]).encode()).hexdigest()
    return json_reply(answer)


def _request_id() -> str:
    return f"Request ID: {uuid.uuid4()}"
