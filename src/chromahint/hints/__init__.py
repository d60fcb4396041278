"""Color hints: maps, annotations, hint files, samplers and evaluation positions."""
