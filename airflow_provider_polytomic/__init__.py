"""Issue Polytomic API keys from Airflow and keep them in its secrets backend.

Airflow imports this module while it is itself being imported (it reads every provider's metadata then), so nothing is
imported here.
"""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
