"""Evaluation protocols: the hints that a network receives, and the metrics of its predictions."""
