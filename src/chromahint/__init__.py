"""Chromahint: train, compare and use networks that colour a grey photo from a few colour hints."""

__version__ = "0.1.0"
