"""Where photos come from: folders, packs, published mixtures, synthetic scenes."""
