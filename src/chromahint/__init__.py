"""Chromahint: train, compare and use networks that colorize gray photos from a few color hints."""

from typing import TYPE_CHECKING

__version__ = "0.2.0"
__all__ = ["Colorizer", "Hints", "__version__"]

if TYPE_CHECKING:
    from chromahint.hints.hints import Hints
    from chromahint.inference.colorizer import Colorizer


def __getattr__(name: str) -> object:
    """Import the public names lazily, which keeps `chromahint --help` fast."""
    if name == "Hints":
        from chromahint.hints.hints import Hints

        return Hints
    if name == "Colorizer":
        from chromahint.inference.colorizer import Colorizer

        return Colorizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, for completion in a shell or a notebook."""
    return sorted({*globals(), *__all__})
