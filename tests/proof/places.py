"""Which stores are keys rotated in? All there are: files, the metastore, Vault and AWS, and a real Vault if any."""

from __future__ import annotations

from tests.crash.scenario import LOCAL
from tests.crash.servers import REAL, SERVED

__all__ = ["METASTORE", "PLACES"]

METASTORE = "metastore-variable"
PLACES = (*LOCAL, *SERVED, *REAL)
