"""Valid rows of a list of targets, and files of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow_provider_polytomic._batch.targets import read_targets

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from airflow_provider_polytomic._batch.targets import BatchTarget

ORG = str(UUID(int=1))
ISSUING = "polytomic_default"


def user(number: int) -> str:
    return str(UUID(int=1000 + number))


def row(number: int, **changes: Any) -> dict[str, Any]:
    fields = {"org_id": ORG, "user_id": user(number), "destination": f"airflow://connection/acme_{number}", **changes}
    return {name: value for name, value in fields.items() if value is not ...}


def json_lines(rows: Iterable[object]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in rows)


def csv_of(rows: Iterable[dict[str, Any]]) -> str:
    names = "org_id,user_id,destination,standby_user_id"
    lines = [names, *(",".join(str(each.get(name, "")) for name in names.split(",")) for each in rows)]
    return "".join(f"{line}\n" for line in lines)


def written(folder: Path, name: str, content: bytes | str) -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def read(targets: Any, **options: Any) -> list[BatchTarget]:
    return list(read_targets(targets, **{"conn_id": ISSUING, **options}))


def numbers(found: Iterable[BatchTarget]) -> list[int]:
    return [UUID(each.target.user_id).int - 1000 for each in found]
