"""Secret stores: one module a store, found through :mod:`~airflow_provider_polytomic.secret_stores.registry`."""
