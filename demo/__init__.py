"""The demo: ``make demo`` onboards a customer on a real Airflow."""
