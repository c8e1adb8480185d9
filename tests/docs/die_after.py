"""A kill as a process sees it: the end of everything, after a call of one method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Killed", "Mortal"]


class Killed(BaseException):
    """What a kill looks like from inside: nothing catches it."""


@dataclass
class Mortal:
    """A vendor or a store that ends the process after a call of one of its methods.

    :param calls: after which of them.
    """

    part: Any
    method: str
    calls: int = 1
    made: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.part, name)
        if name != self.method:
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self.made.append(name)
            result = found(*args, **kwargs)
            if len(self.made) == self.calls:
                raise Killed
            return result

        return call
