"""Loggers: metrics.csv always, W&B by choice."""
