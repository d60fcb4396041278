"""Sample photos, from the scikit-image package. Does not import torch."""

from __future__ import annotations

from pathlib import Path

import skimage

from chromahint.data.sources.skimage_tiles import TILE_FILES
from chromahint.studio.model_list import SAMPLES


def sample_file(name: str) -> Path:
    """Return the path of a sample photo.

    Raises:
        KeyError: the name is unknown.
    """
    if name not in SAMPLES:
        raise KeyError(f"{name:.40}: unknown sample. Use one of {', '.join(SAMPLES)}.")
    return Path(skimage.__file__).parent / "data" / TILE_FILES[name]
