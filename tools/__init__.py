"""Tools for development: environments, the documentation's site, an Airflow to try things on."""
