"""Stub of a kill: the process ends after a call of one method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["DiesAfter", "Killed"]


class Killed(BaseException):
    """A kill of the process; no code catches it."""


@dataclass
class DiesAfter:
    """A hook or store that ends the process after a call of one of its methods.

    :param calls: the number of the call after which the process ends.
    """

    part: Any
    method: str
    calls: int = 1
    made: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.part, name)
        if name != self.method:
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            self.made.append(name)
            result = attribute(*args, **kwargs)
            if len(self.made) == self.calls:
                raise Killed
            return result

        return call
