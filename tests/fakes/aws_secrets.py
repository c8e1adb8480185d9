"""Rules that make Secrets Manager stricter than moto, one function for each action, with AWS's codes and messages.

Sources: botocore's service model; answers of AWS recorded in LocalStack's snapshot tests of Secrets Manager; "How AWS
Secrets Manager uses AWS KMS".

moto 5.2.5 loses staging labels in several ways: a failed move drops the label; a move of AWSCURRENT does not change
what is read without a stage; a later put then leaves AWSCURRENT on two versions; a put under AWSCURRENT drops the other
labels of the previous version, and leaves its own other labels where they were.
"""

from __future__ import annotations

import base64
import re
import time
import unicodedata
from typing import TYPE_CHECKING, Any

from tests.fakes.aws_accounts import is_managed_by_aws
from tests.fakes.aws_call import AwsError, Reply, json_reply
from tests.fakes.aws_moto import is_being_deleted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tests.fakes.aws_call import Context

__all__ = ["SECRETS_RULES"]

_CURRENT = "AWSCURRENT"
_PREVIOUS = "AWSPREVIOUS"
_INVALID = "ValidationException"
_PARAMETER = "InvalidParameterException"
_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}")
_MAX_BYTES = 65_536
_MAX_TAGS = 50
_TAG_LENGTHS = {"Key": 128, "Value": 256}
_TAG_SYMBOLS = "_.:/=+-@"


def _create(context: Context) -> Reply:
    body = context.body
    if not _NAME.fullmatch(body["Name"]):
        raise AwsError(_INVALID, "Invalid name.")
    _check_tags(body.get("Tags", []))
    _check_value(body)
    version = _require_token(body)
    existing = context.moto.secret(context.call.region, body["Name"])
    if existing is not None and is_being_deleted(existing):
        raise AwsError("InvalidRequestException", "The secret was deleted.")
    if existing is not None and existing.is_deleted():
        raise AwsError("InvalidRequestException", "A secret with this name is already scheduled for deletion.")
    if existing is not None and version not in existing.versions:
        raise AwsError("ResourceExistsException", f"The secret {body['Name']} already exists.")
    if existing is not None:
        _check_same(existing, version, body)
        return json_reply({"ARN": existing.arn, "Name": existing.name, "VersionId": version})
    # AWS tests the key, with or without a value, as it does when the key of a secret changes.
    _use_key(context, body.get("KmsKeyId"), ["kms:GenerateDataKey", "kms:Decrypt"], "EncryptionFailure")
    return context.ask_moto()


def _put(context: Context) -> Reply:
    body = context.body
    _check_value(body)
    version = _require_token(body)
    secret = _live_secret(context)
    if version in secret.versions:
        _use_key(context, secret.kms_key_id, ["kms:Decrypt"], "DecryptionFailure")
        _check_same(secret, version, body)
        return _version_reply(secret, version)
    if "SecretString" not in body and "SecretBinary" not in body:
        # Nothing to encrypt; the API Reference names this code for wrong parameters in general.
        raise AwsError("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
    _use_key(context, secret.kms_key_id, ["kms:GenerateDataKey"], "EncryptionFailure")
    # A secret's first version always becomes AWSCURRENT.
    stages = dict.fromkeys([*body.get("VersionStages", [_CURRENT]), *([] if secret.versions else [_CURRENT])])
    labels = _attach(_read_labels(secret), version, stages)
    context.ask_moto()
    _set_labels(secret, labels)
    return _version_reply(secret, version)


def _get(context: Context) -> Reply:
    secret = _live_secret(context)
    version: str | None = context.body.get("VersionId")
    stage: str | None = context.body.get("VersionStage") or (None if version else _CURRENT)
    labels = _read_labels(secret)
    if version is None and stage not in labels:
        raise _no_value(f"staging label: {stage}")
    if version is not None and version not in secret.versions:
        raise _no_value(f"VersionId: {version}")
    if version is not None and stage is not None and labels.get(stage) != version:
        raise AwsError("InvalidRequestException", "The VersionStage is not associated to the VersionId.")
    _use_key(context, secret.kms_key_id, ["kms:Decrypt"], "DecryptionFailure")
    answer = context.ask_moto({"SecretId": secret.arn, "VersionId": version or labels[str(stage)]}).json
    return json_reply({name: value for name, value in answer.items() if value != []})


def _describe(context: Context) -> Reply:
    answer = context.ask_moto().json
    # A version without a label is deprecated, and AWS does not list it.
    labelled = {version: labels for version, labels in answer.get("VersionIdsToStages", {}).items() if labels}
    return json_reply(
        {name: value for name, value in answer.items() if value is not None}
        | ({"VersionIdsToStages": labelled} if labelled else {})
    )


def _move(context: Context) -> Reply:
    secret = _live_secret(context)
    body = context.body
    after = _move_label(secret, body["VersionStage"], body.get("RemoveFromVersionId"), body.get("MoveToVersionId"))
    _set_labels(secret, after)
    return json_reply({"ARN": secret.arn, "Name": secret.name})


def _tag(context: Context) -> Reply:
    secret = _live_secret(context)
    _check_tags(context.body["Tags"], [tag["Key"] for tag in secret.tags or []])
    return context.ask_moto()


def _untag(context: Context) -> Reply:
    _live_secret(context)
    return context.ask_moto()


def _delete(context: Context) -> Reply:
    secret = context.moto.secret(context.call.region, context.body["SecretId"])
    forced = context.body.get("ForceDeleteWithoutRecovery") and "RecoveryWindowInDays" not in context.body
    if not (context.moto.deletes_slowly and forced and secret is not None):
        return context.ask_moto()
    # "An asynchronous background process" deletes it: until then, the name is taken by a secret that nobody can use.
    secret.delete(int(time.time()))
    return json_reply({"ARN": secret.arn, "Name": secret.name, "DeletionDate": secret.deleted_date})


SECRETS_RULES: Mapping[str, Callable[[Context], Reply]] = {
    "CreateSecret": _create,
    "PutSecretValue": _put,
    "GetSecretValue": _get,
    "DescribeSecret": _describe,
    "UpdateSecretVersionStage": _move,
    "TagResource": _tag,
    "UntagResource": _untag,
    "DeleteSecret": _delete,
}


def _live_secret(context: Context) -> Any:
    secret = context.moto.secret(context.call.region, context.body["SecretId"])
    if secret is None:
        raise AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    if secret.is_deleted():
        raise AwsError("InvalidRequestException", "The secret was marked for deletion.")
    return secret


def _use_key(context: Context, name: str | None, actions: list[str], failure: str) -> None:
    if is_managed_by_aws(name):
        return
    arn = context.keys.find_enabled(str(name))
    if arn is None:
        raise AwsError(failure, "Secrets Manager can't use the provided KMS key.")
    if not all(context.caller.allows(action, arn) for action in actions):
        raise AwsError("AccessDeniedException", "Access to KMS is not allowed")


def _no_value(which: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {which}")


def _version_reply(secret: Any, version: str) -> Reply:
    stages = secret.versions[version]["version_stages"]
    return json_reply({"ARN": secret.arn, "Name": secret.name, "VersionId": version, "VersionStages": stages})


def _require_token(body: Mapping[str, Any]) -> str:
    """Return the ClientRequestToken, which SDKs generate and AWS requires; it becomes the id of the version."""
    token: str = body.get("ClientRequestToken", "")
    if not token:
        raise AwsError("InvalidRequestException", "You must provide a ClientRequestToken value.")
    if not 32 <= len(token) <= 64:
        raise AwsError(_PARAMETER, "ClientRequestToken must be 32-64 characters long.")
    return token


def _check_value(body: Mapping[str, Any]) -> None:
    text, binary = body.get("SecretString", "").encode(), base64.b64decode(body.get("SecretBinary", ""))
    if max(len(text), len(binary)) > _MAX_BYTES:
        raise AwsError(_INVALID, f"A value must have length less than or equal to {_MAX_BYTES}.")


def _check_same(secret: Any, token: str, body: Mapping[str, Any]) -> None:
    """Refuse another value for an existing version."""
    stored = secret.versions[token]
    if (stored.get("secret_string"), stored.get("secret_binary")) != (
        body.get("SecretString"),
        body.get("SecretBinary"),
    ):
        raise AwsError("ResourceExistsException", f"ClientRequestToken {token} is in use for a version of this secret.")


def _check_tags(tags: Iterable[Mapping[str, str]], present: Iterable[str] = ()) -> None:
    """Refuse tags that AWS does not allow: it documents the limits, but not every code.

    :param present: the keys of the secret's present tags.
    """
    keys = {tag["Key"] for tag in tags}
    for tag in tags:
        for part, length in _TAG_LENGTHS.items():
            text = tag.get(part, "")
            is_legal = all(letter in _TAG_SYMBOLS or unicodedata.category(letter)[0] in "LNZ" for letter in text)
            if not is_legal or len(text) > length:
                raise AwsError(_INVALID, f"The {part} of a tag does not satisfy a constraint.")
    if any(key.lower().startswith("aws:") for key in keys):
        raise AwsError(_PARAMETER, "Tag keys can't start with the reserved prefix aws:.")
    if len(keys | set(present)) > _MAX_TAGS:
        raise AwsError(_PARAMETER, f"There can be at most {_MAX_TAGS} tags.")


def _read_labels(secret: Any) -> dict[str, str]:
    """Return the version of each label."""
    return {label: version for version, data in secret.versions.items() for label in data["version_stages"]}


def _set_labels(secret: Any, labels: Mapping[str, str]) -> None:
    """Set the labels of all versions."""
    for version, data in secret.versions.items():
        data["version_stages"] = [label for label, holder in labels.items() if holder == version]
    secret.default_version_id = labels.get(_CURRENT)


def _attach(labels: Mapping[str, str], version: str, added: Iterable[str]) -> dict[str, str]:
    """Return the labels with more of them on a version; the version that loses AWSCURRENT becomes AWSPREVIOUS."""
    added = list(added)
    after = dict(labels)
    loser = labels.get(_CURRENT)
    if _CURRENT in added and loser not in {None, version}:
        after[_PREVIOUS] = str(loser)
    return after | dict.fromkeys(added, version)


def _move_label(secret: Any, label: str, source: str | None, target: str | None) -> dict[str, str]:
    """Return the labels after UpdateSecretVersionStage.

    :raises AwsError: InvalidParameterException, if the label is not on ``source``, or ``target`` does not exist. AWS's
        code for the latter is not documented; this is moto's.
    """
    labels = _read_labels(secret)
    holder = labels.get(label)
    if source is None and holder not in {None, target}:
        raise AwsError(_PARAMETER, f"RemoveFromVersionId can't be empty: {label} is attached to version {holder}.")
    if source is not None and source != holder:
        raise AwsError(_PARAMETER, f"RemoveFromVersionId must be the version that has {label}.")
    if target is None and label == _CURRENT:
        raise AwsError(_PARAMETER, f"{label} can be moved, not removed.")
    if target is None:
        return {other: version for other, version in labels.items() if other != label}
    if target not in secret.versions:
        raise AwsError(_PARAMETER, f"Not a valid version: {target}")
    return _attach(labels, target, [label])
