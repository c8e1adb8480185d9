"""A real Airflow on this machine: its environment, its processes and a scan for leaked keys."""
