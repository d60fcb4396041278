"""The run folder: create it, read it, note what happened to it."""
