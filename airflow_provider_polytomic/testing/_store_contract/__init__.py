"""The parts of the contract suite; :mod:`airflow_provider_polytomic.testing.store_contract` combines them."""
