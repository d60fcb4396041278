"""Where photos come from: files and drawn scenes -> uint8 RGB batches."""
