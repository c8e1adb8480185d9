"""Rules that make Parameter Store stricter than moto, one function for each action, with AWS's codes and messages.

Sources: botocore's service model; "How AWS Systems Manager Parameter Store uses AWS KMS"; "Specifying a default
parameter tier". AWS documents that a type cannot be changed; Terraform's acceptance tests seem to
change it.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from tests.fakes.aws_accounts import is_managed_by_aws
from tests.fakes.aws_call import AwsError, Reply, json_reply
from tests.fakes.aws_rights import is_legal, parameter_arn, without_selector

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.fakes.aws_call import Context

__all__ = ["PARAMETERS_RULES"]

_MAX_BYTES = {"Standard": 4096, "Advanced": 8192}
_DEFAULT_KEY = "alias/aws/ssm"
_TO_ENCRYPT = {"Standard": ["kms:Encrypt"], "Advanced": ["kms:GenerateDataKey", "kms:Encrypt"]}
_LEVELS = 15
# Including the ARN before the name.
_LENGTH = 1011
_INVALID = "ValidationException"


def _put(context: Context) -> Reply:
    body = context.body
    _check_new_name(body["Name"], parameter_arn(context.call.region, body["Name"]))
    if unknown := set(body) & {"Tags", "Policies"}:
        raise AwsError("NotModelled", f"this server does not know {unknown}")
    existing = context.moto.parameter(context.call.region, body["Name"])
    if existing is not None and not body.get("Overwrite"):
        return context.ask_moto()  # moto refuses it
    kind = body.get("Type") or getattr(existing, "parameter_type", None)
    if existing is not None and kind != existing.parameter_type:
        raise AwsError("HierarchyTypeMismatchException", "Parameter Store doesn't support changing a parameter type.")
    tier = _tier(body, existing)
    _check_value(body["Value"], tier)
    _check_pattern(body["Value"], body.get("AllowedPattern") or getattr(existing, "allowed_pattern", None))
    if kind != "SecureString":
        return context.ask_moto({**body, "Tier": tier})
    # moto keeps the key of the previous version; AWS uses its own key unless the request names one.
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
    """Refuse to read a name that no parameter can have."""
    if not name.startswith("arn:") and not is_legal(without_selector(name)):
        raise AwsError(_INVALID, f"{name} can't be a parameter name.")


def _check_new_name(name: str, arn: str) -> None:
    """Refuse a name that AWS does not allow; moto itself refuses names that begin with ``aws`` or ``ssm``.

    :param arn: of the new parameter.
    """
    if not is_legal(name):
        raise AwsError(_INVALID, f"{name} can't be a parameter name.")
    if len(arn) > _LENGTH:
        raise AwsError(_INVALID, f"Parameter name must not be longer than {_LENGTH} characters.")
    if name.strip("/").count("/") + 1 > _LEVELS:
        raise AwsError("HierarchyLevelLimitExceededException", f"A hierarchy can have at most {_LEVELS} levels.")


def _tier(body: Mapping[str, Any], existing: Any) -> str:
    was_advanced = existing is not None and existing.tier == "Advanced"
    tier: str = body.get("Tier", "Standard")
    if tier not in _MAX_BYTES:
        raise AwsError("NotModelled", f"this server does not know the tier {tier}")
    if was_advanced and tier == "Standard":
        raise AwsError(_INVALID, "You can't downgrade a parameter from the advanced-parameter tier.")
    return tier


def _check_value(value: str, tier: str) -> None:
    if len(value.encode()) > _MAX_BYTES[tier]:
        raise AwsError(_INVALID, f"{tier} tier parameters have at most {_MAX_BYTES[tier]} characters.")
    if "{{ssm:" in value or (value.startswith("{{") and value.endswith("}}")):
        raise AwsError(_INVALID, "Parameter value can't be nested or reference another parameter.")


def _check_pattern(value: str, pattern: str | None) -> None:
    """Refuse a value that does not match as a whole ("Walkthrough: Manage parameters using hierarchies").

    The pattern may be of an earlier version. Patterns are Java's; one that Python cannot read counts as matching.
    """
    if pattern and not re.search(r"\\p|&&", pattern) and not re.fullmatch(pattern, value):
        raise AwsError("ParameterPatternMismatchException", f"The value does not match allowedPattern: {pattern}")


def _encrypt(context: Context, name: str, actions: list[str]) -> None:
    if is_managed_by_aws(name):
        return
    arn = context.keys.find_enabled(name)
    if arn is None:
        raise AwsError("InvalidKeyId", f"Invalid keyId {name}")
    for action in actions:
        try:
            context.caller.check(action, arn)
        except AwsError as refused:
            raise AwsError(refused.code, f"{refused.message} (Service: AWSKMS; Status Code: 400)") from None


def _decrypt(context: Context, parameter: Any) -> None:
    secure = parameter.parameter_type == "SecureString" and not is_managed_by_aws(parameter.keyid)
    if not (context.body.get("WithDecryption") and secure):
        return
    arn = context.keys.find_enabled(parameter.keyid)
    if arn is None:
        raise AwsError("InvalidKeyId", f"{parameter.keyid} is disabled.")
    if not context.caller.allows("kms:Decrypt", arn):
        raise AwsError(
            "AccessDeniedException",
            "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you "
            "are not allowed to access. (Service: AWSKMS; Status Code: 400)",
        )


def _with_ciphertext(reply: Reply) -> Reply:
    """Hide values that were not decrypted: moto answers with the key's name and the plain value."""
    answer = reply.json
    for parameter in [answer.get("Parameter", {}), *answer.get("Parameters", [])]:
        if parameter.get("Type") == "SecureString" and parameter["Value"].startswith("kms:"):
            parameter["Value"] = hashlib.sha256(json.dumps(parameter["Value"]).encode()).hexdigest()
    return json_reply(answer)
