"""Which requests does one key cost? Those of its first issuance and of its next rotation, as the servers get them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from airflow_provider_polytomic.secret_stores.registry import RECORD_SUFFIX
from benchmarks import child
from benchmarks.ours import Ours
from benchmarks.scene import CONN_ID, MOUNT, Distance

__all__: list[str] = []

_NAME = "traced"
# What the n-th request of its kind is for, in a rotation; a kind or number that is not here is an error.
_FOR = {
    "GET the secret": ["look: what is stored", "read back what readers get"],
    "GET the record": ["look: whose key, since when"],
    "POST the secret": ["prove the right to write, by a write that can only be refused", "promote the new key"],
    "POST the record": ["intend: the record says open", "close: the record says done"],
    "POST .../keys?force=true": ["mint"],
    "GET /api/me": ["verify: whose is the new key?", "prove: does what was read back work?"],
}
_ONCE = {
    "GET the issuing connection": "the partner key, by Airflow's secrets backend; once a task",
    "GET /api/me": "the time by Polytomic's clock; once a task",
    "GET what is mounted": "the version of the engine; once a task",
    "POST the record": "where there was no record: the right to write it again is proven; once a key",
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
    told = []
    for server, kind in again:
        told.append({"to": server, "request": kind, "for": _FOR[kind][seen[kind]]})
        seen[kind] += 1
    more = Counter(first) - Counter(again)
    once = [{"to": server, "request": kind, "for": _ONCE[kind]} for server, kind in more.elements()]
    return {"each": told, "once": once}


if __name__ == "__main__":
    child.result(_measure(child.arguments()))
