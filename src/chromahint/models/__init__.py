"""Networks, one file each: (lightness, hints) -> ab. Import each class from its own file."""
