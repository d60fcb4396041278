"""Sweeps: choose among many configs by trying them, with any number of workers that may come and go."""
