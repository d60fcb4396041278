"""Make a trained network ready to colour pictures."""
