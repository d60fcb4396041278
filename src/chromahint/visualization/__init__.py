"""Hint overlays, sampler previews and training curves."""
