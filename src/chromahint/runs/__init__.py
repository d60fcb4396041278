"""Run folders: create, open, lock and list them, and read their metrics."""
