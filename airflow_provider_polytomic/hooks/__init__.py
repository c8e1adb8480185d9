"""Hook for Polytomic: :class:`~airflow_provider_polytomic.hooks.polytomic.PolytomicHook`."""
