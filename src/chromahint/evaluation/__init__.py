"""Protocols, metrics, and the sweep over hint counts for a set of photos."""
