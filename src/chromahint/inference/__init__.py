"""Make a trained network ready to color images."""
