"""Compose a config, check it before anything heavy is imported, and build its objects. For commands and launchers."""
