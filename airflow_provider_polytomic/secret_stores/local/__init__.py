"""Files that Airflow's ``LocalFilesystemBackend`` reads."""
