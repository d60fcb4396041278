"""What a hint is, and where hints come from."""
