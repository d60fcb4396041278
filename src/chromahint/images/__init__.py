"""Image files: decode, encode, EXIF, color profiles."""
