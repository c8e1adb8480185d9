"""Secrets files of Airflow's ``LocalFilesystemBackend``: JSON is read and written, YAML only read."""

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
# In YAML a date may be a name; in JSON names are strings.
_CONVERT = (
    "import json, sys, yaml; "
    'yaml.SafeLoader.add_constructor("tag:yaml.org,2002:timestamp", yaml.SafeLoader.construct_scalar); '
    "json.dump(yaml.safe_load(sys.stdin), sys.stdout, indent=2, default=str)"
)


def is_json(path: Path) -> bool:
    """Whether a file is JSON: its suffix alone decides, as in the backend."""
    return path.suffix.lower() == ".json"


def check_suffix(path: Path) -> None:
    """Refuse a file that cannot be read.

    :raises SecretStoreConfigurationError: for ``.env``, and for suffixes that the backend does not know either.
    """
    suffix = path.suffix.lower()
    if suffix == ".env":
        raise SecretStoreConfigurationError(
            f"{path} is an .env file, which has one line for each secret and cannot hold every connection. "
            "Nothing was changed. Configure the backend with a .json file.",
            reason="env_file",
        )
    if not is_json(path) and suffix not in _YAML:
        raise SecretStoreConfigurationError(
            f"{path} is neither .json nor .yaml, so Airflow's LocalFilesystemBackend cannot read it. "
            "Nothing was changed. Rename it.",
            reason="unknown_suffix",
        )


def build_conversion_command(path: Path) -> str:
    """Return the shell command that converts a YAML file to a JSON file beside it: mode 0600, no file overwritten."""
    source, target = shlex.quote(str(path)), shlex.quote(str(path.with_suffix(".json")))
    return f"(umask 077 && set -C && python -c {shlex.quote(_CONVERT)} < {source} > {target})"


def parse_entries(path: Path, content: bytes) -> dict[Any, Any]:
    """Return all entries of a file; an empty file has none.

    :raises SecretStoreConfigurationError: if they cannot be read, or not written back without loss; the message does
        not show the content.
    """
    if not content.strip():
        return {}
    problem = "is not UTF-8 text in the format of its suffix"
    try:
        entries = _parse_json(content) if is_json(path) else _parse_yaml(content)
    except _DuplicateError as error:
        problem = f"has the name {error} more than once"
    except (ValueError, RecursionError):
        pass
    else:
        if isinstance(entries, dict):
            return entries
        problem = "is not an object of ids and secrets"
    raise SecretStoreConfigurationError(
        f"{path} {problem}. It is unchanged. Repair it, then run the task again.", reason="unreadable_file"
    ) from None


def render_entries(entries: dict[Any, Any]) -> bytes:
    """Return a JSON file's new content, in ASCII: the backend opens it in the encoding of each worker's locale."""
    return (json.dumps(entries, indent=2) + "\n").encode()


def find_invalid_connections(entries: dict[Any, Any]) -> list[str]:
    """Return the ids of the connections that Airflow does not allow; one of them makes it reject the whole file."""
    from airflow.secrets.local_filesystem import get_connection_parameter_names

    allowed = get_connection_parameter_names() | {"extra_dejson"}
    return [str(name) for name, entry in entries.items() if not _is_valid(entry, allowed)]


def _is_valid(entry: Any, allowed: set[str]) -> bool:
    if isinstance(entry, list):
        return len(entry) <= 1 and all(map(partial(_is_valid, allowed=allowed), entry))
    if isinstance(entry, dict):
        return set(entry) <= allowed and not {"extra", "extra_dejson"} <= set(entry)
    return isinstance(entry, str)


class _DuplicateError(Exception):
    pass


def _parse_json(content: bytes) -> object:
    return json.loads(content.decode("utf-8"), object_pairs_hook=_refuse_duplicates)


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for name, value in pairs:
        if name in entries:
            raise _DuplicateError(repr(name))
        entries[name] = value
    return entries


def _parse_yaml(content: bytes) -> object:
    import yaml

    try:
        return yaml.safe_load(content.decode("utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(type(error).__name__) from None


def encode_file_name(name: str) -> str:
    """Return a file name that no other id has, even on file systems that ignore case.

    Everything except lower-case letters, digits and ``_ - .`` is percent-encoded; a name that becomes too long is
    hashed, and marked by ``=``, which the encoding never produces.
    """
    encoded = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in name.encode())
    return encoded if len(encoded) <= _MAX_LENGTH else f"={hashlib.sha256(name.encode()).hexdigest()}"
