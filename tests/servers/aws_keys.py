"""Which KMS keys of the customer are there, and may the caller use them?

The keys that AWS manages (``alias/aws/…``) let everybody in the account through, so they are never asked.
"""

from __future__ import annotations

import uuid

from tests.servers.aws_call import ACCOUNT

__all__ = ["CustomerKeys", "is_managed_by_aws"]


class CustomerKeys:
    """The keys, by ARN, id and alias."""

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
