"""How does a task reach Polytomic? :class:`~airflow_provider_polytomic.hooks.polytomic.PolytomicHook`."""
