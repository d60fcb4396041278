"""Compose a config, check it before anything heavy is imported, and build what it names. Used by the commands only."""
