"""Inference: load trained networks and color images with them."""
