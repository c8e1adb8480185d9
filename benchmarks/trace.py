"""The requests that one key costs, at its first issuance and at its next rotation, as the servers receive them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from airflow_provider_polytomic.secret_stores.registry import RECORD_SUFFIX
from benchmarks import child
from benchmarks.environment import CONN_ID, MOUNT, Distance
from benchmarks.ours import Ours

__all__: list[str] = []

_NAME = "traced"
# The purpose of the n-th request of its kind in a rotation; an unknown kind or number is an error.
_FOR = {
    "GET the secret": ["read what is stored", "read back what consumers get"],
    "GET the record": ["read whose key it is, and since when"],
    "POST the secret": ["check the right to write, with a write that can only be rejected", "store the new key"],
    "POST the record": ["open the record", "close the record"],
    "POST .../keys?force=true": ["issue the key"],
    "GET /api/me": ["confirm whose key the new one is", "confirm that the value that was read back works"],
}
_ONCE = {
    "GET the issuing connection": "read the partner key through Airflow's secrets backend; once per task",
    "GET /api/me": "read the time of Polytomic's clock; once per task",
    "GET what is mounted": "read the version of the engine; once per task",
    "POST the record": "check the right to write the record again, if there was no record; once per key",
}


def _kind(method: str, path: str) -> str:
    data = f"/v1/{MOUNT}/data/connections/"
    known = {
        f"{data}{_NAME}": "the secret",
        f"{data}{_NAME}{RECORD_SUFFIX}": "the record",
        f"{data}{CONN_ID}": "the issuing connection",
        "/api/me": "/api/me",
    }
    if "/sys/internal/ui/mounts/" in path:
        return f"{method} what is mounted"
    if path.endswith("/keys?force=true"):
        return f"{method} .../keys?force=true"
    return f"{method} {known[path]}"


def _measure(given: dict[str, Any]) -> dict[str, Any]:
    distance = Distance(given["orders"])
    kinds: list[list[tuple[str, str]]] = []
    distance.forget()
    ours = Ours()
    for _ in range(2):
        ours.rotate(given["target"], _NAME)
        kinds.append([(server, _kind(method, path)) for server, method, path in distance.noted()])
        distance.forget()
    first, again = kinds
    seen: Counter[str] = Counter()
    requests = []
    for server, kind in again:
        requests.append({"to": server, "request": kind, "for": _FOR[kind][seen[kind]]})
        seen[kind] += 1
    more = Counter(first) - Counter(again)
    once = [{"to": server, "request": kind, "for": _ONCE[kind]} for server, kind in more.elements()]
    return {"each": requests, "once": once}


if __name__ == "__main__":
    child.result(_measure(child.arguments()))
