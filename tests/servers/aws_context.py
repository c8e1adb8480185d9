"""What does a rule know? The request, its caller, and the state behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.servers.aws_accounts import Accounts, Principal
    from tests.servers.aws_call import Call, Reply
    from tests.servers.aws_keys import CustomerKeys
    from tests.servers.aws_moto import Moto

__all__ = ["Context"]


@dataclass(frozen=True, slots=True)
class Context:
    """One request at the point where it is authorised."""

    call: Call
    caller: Principal
    accounts: Accounts
    keys: CustomerKeys
    moto: Moto
    environ: Mapping[str, Any]
    raw: bytes

    @property
    def body(self) -> Mapping[str, Any]:
        """The parameters of the request."""
        return self.call.body

    def ask_moto(self, body: Mapping[str, Any] | None = None) -> Reply:
        """Have moto do it, with other parameters if given."""
        return self.moto.answer(self.environ, self.raw if body is None else body)
