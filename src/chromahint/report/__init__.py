"""Runs beside each other: one page for people, one line for scripts."""
