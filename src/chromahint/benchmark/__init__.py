"""Benchmarks: several methods on several sets of photos by several protocols, measured once and shown on one page."""
