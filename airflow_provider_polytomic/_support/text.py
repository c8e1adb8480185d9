"""Text functions for all folders."""

from __future__ import annotations

__all__ = ["lower_ascii", "one_line"]


def one_line(text: str, max_length: int = 300) -> str:
    """Return the text as one line of printable characters, cut to a length."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(printable.split())
    return line if len(line) <= max_length else f"{line[: max_length - 1]}…"


def lower_ascii(text: str) -> str:
    """Return the text with A to Z in lower case, and every character in its place.

    ``str.lower`` turns some characters into two, and maps some characters that are not ASCII to ASCII letters.
    """
    return "".join(character.lower() if character.isascii() else character for character in text)
