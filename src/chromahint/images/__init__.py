"""Read and write image files: decoding, encoding, EXIF and color profiles."""
