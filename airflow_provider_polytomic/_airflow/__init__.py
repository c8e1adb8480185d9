"""What differs between versions of Airflow, and what the rest of the package needs of Airflow itself."""
