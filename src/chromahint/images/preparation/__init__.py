"""Preparing a scan before it is colored: tint, tones, frame, noise, dust and scratches."""
