"""AWS Secrets Manager and AWS Parameter Store."""
