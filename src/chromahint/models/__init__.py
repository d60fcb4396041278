"""Networks, one file each: (lightness, hints) -> ab. Imports are made from the file that defines the thing."""
