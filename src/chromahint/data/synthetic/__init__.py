"""Procedural generator of synthetic scenes."""
