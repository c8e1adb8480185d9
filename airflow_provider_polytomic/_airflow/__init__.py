"""Adapters to Airflow: the differences between its versions, and what the package uses of Airflow itself."""
