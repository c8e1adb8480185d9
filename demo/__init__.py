"""What does the main job look like on a real Airflow? `make demo`; its parts serve the integration tests too."""
