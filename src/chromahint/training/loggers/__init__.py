"""Loggers: metrics.csv for every run, and optionally Weights & Biases."""
