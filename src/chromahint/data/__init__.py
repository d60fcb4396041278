"""Data loading: image files and synthetic scenes become batches of uint8 RGB."""
