"""Comparison of runs: an HTML page, a text or JSON summary, and a W&B dashboard."""
