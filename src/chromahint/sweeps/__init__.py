"""Hyperparameter sweeps with any number of workers, which may join and leave at any time."""
