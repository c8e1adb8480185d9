"""Parsing of JSON from a server within a limit of values: a few kilobytes, unpacked, can be millions of objects."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["iterate_data", "parse_json"]

# A list of MAX_LIST bytes, with 20 bytes for a field and its name, has 800,000.
_MAX_VALUES = 1_000_000
_SPACE = re.compile(r"[ \t\r\n]*")
_LIST = re.compile(r'\s*\{\s*"data"\s*:\s*\[\s*', re.ASCII)
_DECODER = json.JSONDecoder()


def parse_json(content: bytes) -> Any:
    """Return the value of JSON.

    :raises ValueError: if it is malformed, too deep, or has too many values.
    """
    _check_size(content)
    return _loads(_decode(content))


def iterate_data(content: bytes) -> Iterator[Any] | None:
    """Return an iterator over the list under ``data``, which parses one item at a time; None if ``data`` is null.

    The caller can stop at the first item that is invalid.

    :raises ValueError: if it is malformed, too deep, or has too many values, or if there is no such list; also during
        the iteration.
    """
    _check_size(content)
    text = _decode(content)
    begin = _LIST.match(text)
    if begin is not None:
        return _iterate(text, begin.end())
    body = _loads(text)  # other fields may come first
    data = body["data"] if isinstance(body, dict) and "data" in body else ""
    if data is None or isinstance(data, list):
        return None if data is None else iter(data)
    raise ValueError("there is no list") from None


def _iterate(text: str, at: int) -> Iterator[Any]:
    if text[at : at + 1] != "]":
        while True:
            try:
                item, at = _DECODER.raw_decode(text, at)
            except RecursionError:
                raise ValueError("the item is too deep") from None
            yield item
            at = _skip(text, at)
            separator = text[at : at + 1]
            if separator == "]":
                break
            if separator != ",":
                raise ValueError("the list is malformed")
            at = _skip(text, at + 1)
    if _loads(f'{{"data": [{text[at:]}').get("data") != []:  # what follows the list may name it again
        raise ValueError("the list is given twice")


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _check_size(content: bytes) -> None:
    # Each value but the first of its list or object follows a comma, and each list and object has an opening bracket.
    if content.count(b",") + content.count(b"[") + content.count(b"{") > _MAX_VALUES:
        raise ValueError("too many values")


def _decode(content: bytes) -> str:
    return content.decode(json.detect_encoding(content), "surrogatepass")


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("the value is too deep") from None
