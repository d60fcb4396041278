"""Names of the file formats of hints. Does not import torch."""

HINT_FILE_FORMAT = "chromahint-hints/3"
HINT_FILE_FORMATS = ("chromahint-hints/1", "chromahint-hints/2", HINT_FILE_FORMAT)
"""Formats that are read, the oldest first."""
SESSION_FORMAT = "chromahint-session/1"
"""Format of the studio's session files, whose field `hints` has the content of a hint file."""
