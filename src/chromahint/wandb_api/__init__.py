"""What W&B offers besides logging: whether its server can be used, and runs stored there as artifacts."""
