"""Scenes drawn by a program, so that there is something to train on without a download."""
