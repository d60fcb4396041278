"""Chromahint: train, compare and use networks that color a gray photo from a few color hints."""

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["Colorizer", "Hints", "__version__"]

if TYPE_CHECKING:
    from chromahint.hints.hints import Hints
    from chromahint.inference.colorizer import Colorizer


def __getattr__(name: str) -> object:
    """Import what takes a second only when it is asked for: `chromahint --help` answers at once."""
    if name == "Hints":
        from chromahint.hints.hints import Hints

        return Hints
    if name == "Colorizer":
        from chromahint.inference.colorizer import Colorizer

        return Colorizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
