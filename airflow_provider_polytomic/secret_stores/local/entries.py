"""Files of secrets in the forms that Airflow's ``LocalFilesystemBackend`` reads: JSON, read and written; YAML, read."""

from __future__ import annotations

import hashlib
import json
import shlex
import string
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_polytomic.exceptions import SecretStoreConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "build_conversion_command",
    "check_suffix",
    "encode_file_name",
    "find_invalid_connections",
    "is_json",
    "parse_entries",
    "render_entries",
]

_PLAIN = frozenset(f"{string.ascii_lowercase}{string.digits}_-.".encode())
_MAX_LENGTH = 200  # of the 255 bytes that file systems allow
_YAML = frozenset({".yaml", ".yml"})
# A date may be a key, which JSON has only as text.
_CONVERT = (
    "import json, sys, yaml; "
    'yaml.SafeLoader.add_constructor("tag:yaml.org,2002:timestamp", yaml.SafeLoader.construct_scalar); '
    "json.dump(yaml.safe_load(sys.stdin), sys.stdout, indent=2, default=str)"
)


def is_json(path: Path) -> bool:
    """Whether a file is JSON: the suffix alone decides the form, as in the backend."""
    return path.suffix.lower() == ".json"


def check_suffix(path: Path) -> None:
    """Refuse a file that could not be read.

    :raises SecretStoreConfigurationError: for ``.env`` and for what the backend does not know either.
    """
    suffix = path.suffix.lower()
    if suffix == ".env":
        raise SecretStoreConfigurationError(
            f"{path} is an .env file, which has one line for a secret and cannot hold every connection. "
            "Nothing was changed. Let the backend read a .json file instead.",
            reason="env_file",
        )
    if not is_json(path) and suffix not in _YAML:
        raise SecretStoreConfigurationError(
            f"{path} is neither .json nor .yaml, so Airflow's LocalFilesystemBackend cannot read it. "
            "Nothing was changed. Rename it.",
            reason="unknown_suffix",
        )


def build_conversion_command(path: Path) -> str:
    """Return the shell command that writes a YAML file anew as JSON, beside it, for its owner alone, over no other."""
    source, target = shlex.quote(str(path)), shlex.quote(str(path.with_suffix(".json")))
    return f"(umask 077 && set -C && python -c {shlex.quote(_CONVERT)} < {source} > {target})"


def parse_entries(path: Path, content: bytes) -> dict[Any, Any]:
    """Return all entries of a file; an empty one has none.

    :raises SecretStoreConfigurationError: if they cannot be read, or not be written back without loss; the content is
        not shown.
    """
    if not content.strip():
        return {}
    problem = "is not UTF-8 text in the form that its name says"
    try:
        entries = _parse_json(content) if is_json(path) else _parse_yaml(content)
    except _DuplicateError as error:
        problem = f"names {error} more than once"
    except (ValueError, RecursionError):
        pass
    else:
        if isinstance(entries, dict):
            return entries
        problem = "holds no object of ids and secrets"
    raise SecretStoreConfigurationError(
        f"{path} {problem}. It is unchanged. Repair it, then run again.", reason="unreadable_file"
    ) from None


def render_entries(entries: dict[Any, Any]) -> bytes:
    """Return a JSON file's new content: ASCII, because the backend opens it in the encoding of each worker's locale."""
    return (json.dumps(entries, indent=2) + "\n").encode()


def find_invalid_connections(entries: dict[Any, Any]) -> list[str]:
    """Return the ids of the connections whose form Airflow does not allow; one keeps it from reading all the others."""
    from airflow.secrets.local_filesystem import get_connection_parameter_names

    allowed = get_connection_parameter_names() | {"extra_dejson"}
    return [str(name) for name, entry in entries.items() if not _is_legal(entry, allowed)]


def _is_legal(entry: Any, allowed: set[str]) -> bool:
    if isinstance(entry, list):
        return len(entry) <= 1 and all(map(partial(_is_legal, allowed=allowed), entry))
    if isinstance(entry, dict):
        return set(entry) <= allowed and not {"extra", "extra_dejson"} <= set(entry)
    return isinstance(entry, str)


class _DuplicateError(Exception):
    pass


def _parse_json(content: bytes) -> object:
    return json.loads(content.decode("utf-8"), object_pairs_hook=_without_duplicates)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _DuplicateError(repr(name))
        found[name] = value
    return found


def _parse_yaml(content: bytes) -> object:
    import yaml

    try:
        return yaml.safe_load(content.decode("utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(type(error).__name__) from None


def encode_file_name(name: str) -> str:
    """Return a file name that no other id has, not even where capitals do not count.

    Everything but lower-case letters, digits and ``_ - .`` is percent-encoded; what gets too long is hashed, behind a
    sign that encoding never gives.
    """
    encoded = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in name.encode())
    return encoded if len(encoded) <= _MAX_LENGTH else f"={hashlib.sha256(name.encode()).hexdigest()}"
