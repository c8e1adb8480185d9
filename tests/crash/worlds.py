"""Where do the processes that are killed live? In a world of one emulator, one of each server, and one that forks."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from airflow_provider_polytomic.testing import PolytomicEmulator

from .processes import Zygote
from .scenario import World
from .servers import Servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.vault_server import VaultServer

__all__ = ["running_world"]


@contextmanager
def running_world(real_vault: VaultServer | None = None) -> Iterator[World]:
    """Start it, and see at its end that nothing is left of it."""
    # Not tmp_path: pytest's folders are closed to every other user, and the tests of denied rights become one.
    folder = Path(tempfile.mkdtemp(prefix="polytomic-crash-"))
    folder.chmod(0o755)
    with (
        PolytomicEmulator() as emulator,
        Servers.running(real_vault) as servers,
        Zygote(folder / "console.log") as zygote,
    ):
        yield World(emulator, zygote, folder, servers)
        assert psutil.Process(zygote.pid).children(recursive=True) == [], "a process was not reaped"
    shutil.rmtree(folder)
