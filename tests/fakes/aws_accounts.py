"""Callers of the fake AWS, their IAM policies, and the customer-managed KMS keys.

Only the identity-based policies of users and roles decide: conditions, resource policies, permission boundaries and key
policies are not modelled. The signature is not verified.
"""

from __future__ import annotations

import re
import secrets
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.aws_call import ACCOUNT, AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ALLOW_ALL", "Accounts", "Credentials", "CustomerKeys", "Principal", "is_managed_by_aws", "user_name"]

ALLOW_ALL: Sequence[Mapping[str, Any]] = ({"Effect": "Allow", "Action": "*", "Resource": "*"},)
_MODELLED = {"Sid", "Effect", "Action", "Resource"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """The access key that a user signs with."""

    access_key_id: str
    secret_access_key: str = field(repr=False)

    @property
    def boto(self) -> dict[str, str]:
        """The arguments for boto3's clients and sessions, and for Airflow's ``backend_kwargs``."""
        return {"aws_access_key_id": self.access_key_id, "aws_secret_access_key": self.secret_access_key}


class Principal:
    """One identity and its policy.

    :param arn: as refusals name it.
    :param policy: statements of Effect, Action and Resource.
    :raises ValueError: if a statement has an element that is not modelled.
    """

    def __init__(self, arn: str, policy: Sequence[Mapping[str, Any]]) -> None:
        for statement in policy:
            if unknown := set(statement) - _MODELLED:
                raise ValueError(f"policy elements that this server does not model: {sorted(unknown)}")
        self.arn = arn
        self._policy = [dict(statement) for statement in policy]

    def allows(self, action: str, resource: str) -> bool:
        """Whether the action is allowed and not explicitly denied."""
        return self._effect(action, resource) == "Allow"

    def check(
        self, action: str, resource: str, *, shown: str | None = None, code: str = "AccessDeniedException"
    ) -> None:
        """Refuse an action that is not allowed.

        :param shown: how AWS names the resource in the message; empty for none.
        :raises AwsError: with IAM's message.
        """
        effect = self._effect(action, resource)
        if effect == "Allow":
            return
        name = resource if shown is None else shown
        why = (
            "with an explicit deny in an identity-based policy"
            if effect == "Deny"
            else f"because no identity-based policy allows the {action} action"
        )
        on = f" on resource: {name}" if name else ""
        raise AwsError(code, f"User: {self.arn} is not authorized to perform: {action}{on} {why}")

    def _effect(self, action: str, resource: str) -> str | None:
        effects = {
            statement["Effect"]
            for statement in self._policy
            if _any_matches(statement["Action"], action, re.IGNORECASE)
            and _any_matches(statement["Resource"], resource)
        }
        return "Deny" if "Deny" in effects else "Allow" if effects else None


class Accounts:
    """The identities that exist."""

    def __init__(self) -> None:
        self._by_key: dict[str, Principal] = {}
        self._roles: dict[str, Sequence[Mapping[str, Any]]] = {}

    def add_user(self, name: str, policy: Sequence[Mapping[str, Any]]) -> Credentials:
        """Create a user and its access key."""
        credentials = Credentials(f"AKIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30))
        self._by_key[credentials.access_key_id] = Principal(f"arn:aws:iam::{ACCOUNT}:user/{name}", policy)
        return credentials

    def add_role(self, name: str, policy: Sequence[Mapping[str, Any]]) -> str:
        """Create a role, which any caller with ``sts:AssumeRole`` on it may assume, and return its ARN."""
        arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
        self._roles[arn] = policy
        return arn

    def add_session(self, role_arn: str, session: str, access_key_id: str) -> None:
        """Register the temporary access key of a session of a role."""
        name = role_arn.rpartition("/")[2]
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}"
        self._by_key[access_key_id] = Principal(arn, self._roles[role_arn])

    def has_role(self, role_arn: str) -> bool:
        """Whether this role exists."""
        return role_arn in self._roles

    def get_principal(self, access_key_id: str | None) -> Principal:
        """Return the owner of an access key.

        :raises AwsError: if the key is unknown.
        """
        try:
            return self._by_key[access_key_id or ""]
        except KeyError:
            raise AwsError(
                "UnrecognizedClientException", "The security token included in the request is invalid."
            ) from None

    def forget(self, keep: str) -> None:
        """Drop every identity except the owner of one access key."""
        self._by_key = {keep: self._by_key[keep]}
        self._roles.clear()


class CustomerKeys:
    """The KMS keys, by ARN, id and alias.

    AWS-managed keys (``alias/aws/…``) may be used by every identity in the account, so they are not modelled.
    """

    def __init__(self) -> None:
        self._arns: dict[str, str] = {}
        self._disabled: set[str] = set()

    def add(self, region: str, alias: str | None = None) -> str:
        """Create a key and return its ARN.

        :param alias: e.g. ``alias/team``; policies still name the key.
        """
        key_id = str(uuid.uuid4())
        arn = f"arn:aws:kms:{region}:{ACCOUNT}:key/{key_id}"
        names = {arn, key_id} if alias is None else {arn, key_id, alias, f"arn:aws:kms:{region}:{ACCOUNT}:{alias}"}
        self._arns.update(dict.fromkeys(names, arn))
        return arn

    def disable(self, arn: str) -> None:
        """Disable a key for every caller."""
        self._disabled.add(arn)

    def find_enabled(self, name: str) -> str | None:
        """Return the ARN of the key of this name; None if it does not exist or is disabled."""
        arn = self._arns.get(name)
        return None if arn in self._disabled else arn

    def forget(self) -> None:
        """Delete all keys."""
        self._arns.clear()
        self._disabled.clear()


def is_managed_by_aws(name: str | None) -> bool:
    """Whether the key is AWS-managed; so is the default key, which has no name here."""
    return not name or "alias/aws/" in name


def user_name() -> str:
    """Return a name that no other user of this server has."""
    return f"tester-{uuid.uuid4().hex[:8]}"


def _any_matches(patterns: str | Sequence[str], text: str, flags: int = 0) -> bool:
    return any(
        re.fullmatch(_regex(pattern), text, flags | re.DOTALL)
        for pattern in ([patterns] if isinstance(patterns, str) else patterns)
    )


def _regex(pattern: str) -> str:
    """Translate a pattern of IAM, where only ``*`` and ``?`` are special, unlike in a shell."""
    return re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
