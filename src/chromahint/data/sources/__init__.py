"""Sources of photos: folders, packs, published data sets and synthetic scenes."""
