"""Create docs/strip.jpg: natural photos in gray, 100 hints, the result of the pretrained network, and the originals.

python docs/strip.py
"""

from pathlib import Path

import torch
from PIL import Image

from chromahint.data.sources.skimage_tiles import NaturalTiles
from chromahint.evaluation.image_grid import sample_grid
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.inference.load import load_network


def main() -> None:
    """Color the photos and write the picture."""
    network = load_network("pretrained").network
    grid = sample_grid(network, NaturalTiles(), RandomPixels(), torch.device("cpu"))
    Image.fromarray(grid).save(Path(__file__).with_name("strip.jpg"), quality=82, optimize=True)


if __name__ == "__main__":
    main()
