"""Search for keys in everything that an exception carries."""

from __future__ import annotations

import base64
import traceback
from typing import TYPE_CHECKING

from tests.unit.hooks.conftest import ORG, PARTNER_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BASIC", "OURS", "assert_contains_no_key"]

BASIC = base64.b64encode(f"{ORG}:{PARTNER_KEY}".encode()).decode()
OURS = "airflow_provider_polytomic"


def _texts(error: BaseException) -> Iterator[str]:
    """Yield everything that an exception carries: its texts, and the locals of each frame from the package on."""
    yield from (str(error), repr(error), repr(error.args), repr(vars(error)), *getattr(error, "__notes__", ()))
    yield from traceback.format_exception(error)
    below = False
    for frame, _line in traceback.walk_tb(error.__traceback__):
        below = below or OURS in frame.f_globals.get("__name__", "")
        if below:
            yield from (repr(value) for value in frame.f_locals.values())


def assert_contains_no_key(error: BaseException, *keys: str) -> None:
    """Fail if an exception has a cause, a context, or 12 characters in a row of a key, plain or in base64."""
    assert error.__cause__ is None
    assert error.__context__ is None
    for text in _texts(error):
        for key in keys:
            for form in (key, BASIC, base64.b64encode(key.encode()).decode()):
                pieces = {form[at : at + 12] for at in range(len(form) - 11)}
                assert not any(piece in text for piece in pieces)
