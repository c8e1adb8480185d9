"""Who calls AWS, what IAM allows them, and which KMS keys of the customer there are.

Users and roles have identity-based policies, and nothing else decides: no conditions, no
resource policies, no permission boundaries, no key policies. The signature is not verified.
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
    """What a user signs with."""

    access_key_id: str
    secret_access_key: str = field(repr=False)

    @property
    def boto(self) -> dict[str, str]:
        """As boto3's clients, sessions and Airflow's ``backend_kwargs`` take them."""
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
                raise ValueError(f"policy elements that this server does not judge: {sorted(unknown)}")
        self.arn = arn
        self._policy = [dict(statement) for statement in policy]

    def allows(self, action: str, resource: str) -> bool:
        """Whether the action is allowed and not explicitly denied."""
        return self._effect(action, resource) == "Allow"

    def check(
        self, action: str, resource: str, *, shown: str | None = None, code: str = "AccessDeniedException"
    ) -> None:
        """Refuse what is not allowed.

        :param shown: how AWS names the resource in the message; empty for none.
        :raises AwsError: in IAM's words.
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
        """Make a user, and its access key."""
        credentials = Credentials(f"AKIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30))
        self._by_key[credentials.access_key_id] = Principal(f"arn:aws:iam::{ACCOUNT}:user/{name}", policy)
        return credentials

    def add_role(self, name: str, policy: Sequence[Mapping[str, Any]]) -> str:
        """Make a role that whoever has ``sts:AssumeRole`` on it may assume, and return its ARN."""
        arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
        self._roles[arn] = policy
        return arn

    def assumed(self, role_arn: str, session: str, access_key_id: str) -> None:
        """Note whose a temporary access key is."""
        name = role_arn.rpartition("/")[2]
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}"
        self._by_key[access_key_id] = Principal(arn, self._roles[role_arn])

    def has_role(self, role_arn: str) -> bool:
        """Whether there is such a role."""
        return role_arn in self._roles

    def principal(self, access_key_id: str | None) -> Principal:
        """Return whose key it is.

        :raises AwsError: if it is nobody's.
        """
        try:
            return self._by_key[access_key_id or ""]
        except KeyError:
            raise AwsError(
                "UnrecognizedClientException", "The security token included in the request is invalid."
            ) from None

    def forget(self, keep: str) -> None:
        """Drop everybody but the owner of one access key."""
        self._by_key = {keep: self._by_key[keep]}
        self._roles.clear()


class CustomerKeys:
    """The KMS keys, by ARN, id and alias.

    Those that AWS manages (``alias/aws/…``) let everybody in the account through, so they are never asked.
    """

    def __init__(self) -> None:
        self._arns: dict[str, str] = {}
        self._disabled: set[str] = set()

    def add(self, region: str, alias: str | None = None) -> str:
        """Make a key and return its ARN.

        :param alias: e.g. ``alias/team``; policies still name the key.
        """
        key_id = str(uuid.uuid4())
        arn = f"arn:aws:kms:{region}:{ACCOUNT}:key/{key_id}"
        names = {arn, key_id} if alias is None else {arn, key_id, alias, f"arn:aws:kms:{region}:{ACCOUNT}:{alias}"}
        self._arns.update(dict.fromkeys(names, arn))
        return arn

    def disable(self, arn: str) -> None:
        """Have the key refuse everybody."""
        self._disabled.add(arn)

    def usable(self, name: str) -> str | None:
        """Return the ARN of the key of that name; None if there is none or it is disabled."""
        arn = self._arns.get(name)
        return None if arn in self._disabled else arn

    def forget(self) -> None:
        """Drop all of them."""
        self._arns.clear()
        self._disabled.clear()


def is_managed_by_aws(name: str | None) -> bool:
    """Whether it is one of AWS's own, which is what no name means too."""
    return not name or "alias/aws/" in name


def user_name() -> str:
    """A name that no other user of this server has."""
    return f"tester-{uuid.uuid4().hex[:8]}"


def _any_matches(patterns: str | Sequence[str], text: str, flags: int = 0) -> bool:
    return any(
        re.fullmatch(_regex(pattern), text, flags | re.DOTALL)
        for pattern in ([patterns] if isinstance(patterns, str) else patterns)
    )


def _regex(pattern: str) -> str:
    """IAM knows ``*`` and ``?`` only; ``[`` means itself, unlike in a shell."""
    return re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
