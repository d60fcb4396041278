"""A local web page for coloring photos with clicks."""
