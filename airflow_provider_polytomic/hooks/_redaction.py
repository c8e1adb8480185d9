"""Redaction of a server's message: one short line without keys, or what could be a key."""

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
# digit may be a key. The patterns do not try a word again from each of its characters, so the time is linear.
_WORD = re.compile(r"[\w+/=-]+", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PREFIXED = re.compile(r"(?<![A-Za-z])[A-Za-z]{2,}+_(?:live|test)_\w*", re.ASCII)
_DIGIT = re.compile(r"[0-9]")
_LONG = 20  # characters of a word that may be a key


def redact(text: str, secrets: Iterable[Secret], *, known: str = "") -> str:
    """Return the text as one line without keys.

    :param secrets: secrets to hide: no 12 characters in a row remain of their plain, base64, URL-encoded, JSON or
        Python form.
    :param known: a string that is shown anyway, such as a path: words in it remain even if they look like a key.
    """
    line = one_line(text, _MAX_READ)
    line = _hide(line, [form for secret in secrets for form in _forms(secret.reveal())])
    return one_line(_WORD.sub(lambda word: _hide_keys(word[0], known.lower()), line))


def _hide_keys(word: str, known: str) -> str:
    """Hide each part of a word that looks like a key and is not known."""
    shown: list[str] = []
    while uuid := _UUID.match(word):
        shown.append(uuid[0] if uuid[0].lower() in known else _HIDDEN)
        word = word[uuid.end() :]
    if len(word) >= _LONG and _DIGIT.search(word):
        shown.append(word if word.lower() in known else _HIDDEN)
    else:
        shown.append(_PREFIXED.sub(lambda key: key[0] if key[0].lower() in known else _HIDDEN, word))
    return "".join(shown)


def _forms(secret: str) -> list[str]:
    # Base64 depends on the position modulo three, and Basic puts "<login>:" before the key, so all three are needed.
    shifted = [
        base64.b64encode(b"\0" * shift + secret.encode()).decode()[4 if shift else 0 :].rstrip("=")
        for shift in range(3)
    ]
    quoted = [json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]]
    forms = [secret, *quoted, quote(secret), quote(secret, safe=""), quote_plus(secret), *shifted]
    # The line that is searched has no two blanks in a row.
    return list(dict.fromkeys([*forms, *(one_line(form, len(form)) for form in forms)]))


def _hide(line: str, forms: Iterable[str]) -> str:
    """Hide each run of characters that is a form's piece of 12, or a shorter form as a whole."""
    lowered = lower_ascii(line)
    # All at once: if forms share a piece, hiding one first would leave fragments of another.
    hidden = {position for form in forms for position in _positions(lowered, lower_ascii(form))}
    return re.sub("\0+", _HIDDEN, "".join("\0" if at in hidden else character for at, character in enumerate(line)))


def _positions(line: str, form: str) -> Iterator[int]:
    size = min(_PIECE, len(form))
    pieces = {form[at : at + size] for at in range(len(form) - size + 1)} if size else set()
    for at in range(len(line)):
        if line[at : at + size] in pieces:
            yield from range(at, at + size)
