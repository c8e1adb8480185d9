"""What of a server's text can be shown? One short line of it, without anything that is, or could be, a key."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from airflow_provider_polytomic._support.text import lower_ascii, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_polytomic.credentials import Secret

__all__ = ["redact"]

_MAX_READ = 10_000
_PIECE = 12  # characters of a key that may not be shown in a row
_HIDDEN = "***"

# Keys look like a UUID (apidocs.polytomic.com, guides/obtaining-api-keys) or like pk_live_...; any long word with a
# digit may be one.
_KEY_LIKE = re.compile(
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|[A-Za-z]{2,}_(?:live|test)_\w*"
    r"|(?=[\w+/=-]*\d)[\w+/=-]{20,}",
    re.ASCII,
)


def redact(text: str, secrets: Iterable[Secret], *, known: str = "") -> str:
    """Return the text as one line without keys.

    :param secrets: texts of which no 12 characters in a row stay, be they plain, base64, URL-encoded or a string of
        JSON or Python.
    :param known: a text that is shown anyway: what looks like a key but stands in it too stays, as the ids in a path.
    """
    line = one_line(text, _MAX_READ)
    line = _without(line, [form for secret in secrets for form in _forms(secret.reveal())])
    return one_line(_KEY_LIKE.sub(lambda found: found[0] if found[0].lower() in known.lower() else _HIDDEN, line))


def _forms(secret: str) -> list[str]:
    # Base64 of a text depends on its position modulo three, and Basic has "<login>:" before it: so all three.
    shifted = [
        base64.b64encode(b"\0" * shift + secret.encode()).decode()[4 if shift else 0 :].rstrip("=")
        for shift in range(3)
    ]
    quoted = [json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]]
    forms = [secret, *quoted, quote(secret), quote(secret, safe=""), quote_plus(secret), *shifted]
    # A text that is shown has no two blanks in a row.
    return list(dict.fromkeys([*forms, *(one_line(form, len(form)) for form in forms)]))


def _without(line: str, forms: Iterable[str]) -> str:
    """Hide every run of a form's characters that is as long as a piece, or the whole of a shorter form."""
    lowered = lower_ascii(line)
    # All at once: where forms have pieces in common, hiding one first would leave shreds of another.
    hidden = {spot for form in forms for spot in _spots(lowered, lower_ascii(form))}
    return re.sub("\0+", _HIDDEN, "".join("\0" if at in hidden else character for at, character in enumerate(line)))


def _spots(line: str, form: str) -> Iterator[int]:
    size = min(_PIECE, len(form))
    pieces = {form[at : at + size] for at in range(len(form) - size + 1)} if size else set()
    for at in range(len(line)):
        if line[at : at + size] in pieces:
            yield from range(at, at + size)
