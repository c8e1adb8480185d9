"""Which keys of a fleet are told to Airflow's own log masking? The first ones, because each costs more than the last.

Airflow compiles all it masks into one expression anew with each secret, in the task and, on 3.x, in its supervisor:
with 1,000 keys each further one takes 50 ms and more (3.3.2), in which all threads stand still and readers are cut off.
It is the second line of defence: the first is that no key is ever in what is logged, raised or returned.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_polytomic.api_key import ApiKey

__all__ = ["FirstKeys"]

_MOST = 100


class FirstKeys:
    """Masks the first keys that it is given, from any number of threads.

    :param mask: masks one.
    """

    def __init__(self, mask: Callable[[ApiKey], None], *, most: int = _MOST) -> None:
        self._mask, self._left = mask, most
        self._lock = threading.Lock()

    def __call__(self, key: ApiKey) -> None:
        """Mask the key, unless there were too many before it."""
        with self._lock:
            if not self._left:
                return
            self._left -= 1
        self._mask(key)
