"""How does the fake Vault answer? The envelope around data, and refusals."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["DEFAULT_LEASE_SECONDS", "DONE", "RefusalError", "Reply", "denied", "enveloped"]

# What KV v1 calls the lease of a secret, and tokens their life: 32 days.
DEFAULT_LEASE_SECONDS = 2764800


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    :param body: None for an empty one.
    """

    status: int
    body: Mapping[str, Any] | None = None


class RefusalError(Exception):
    """An answer that carries nothing but errors, or not even those: ``{"errors": []}``."""

    def __init__(self, status: int, *errors: str) -> None:
        super().__init__(*errors)
        self.reply = Reply(status, {"errors": list(errors)})


# A write, deletion or setting that has nothing to say.
DONE = Reply(204)


def enveloped(
    data: Mapping[str, Any] | None,
    *,
    status: int = 200,
    warnings: Sequence[str] = (),
    auth: Mapping[str, Any] | None = None,
    lease: int = 0,
) -> Reply:
    """Return data as Vault does, with everything around it."""
    return Reply(
        status,
        {
            "request_id": str(uuid.uuid4()),
            "lease_id": "",
            "renewable": False,
            "lease_duration": lease,
            "data": data,
            "wrap_info": None,
            "warnings": list(warnings) or None,
            "auth": auth,
        },
    )


def denied(*, by_policy: bool) -> RefusalError:
    """Return a 403.

    :param by_policy: the token is good but may not; otherwise the token itself is missing, unknown or revoked. Vault
        words them differently.
    """
    return RefusalError(403, "1 error occurred:\n\t* permission denied\n\n" if by_policy else "permission denied")
