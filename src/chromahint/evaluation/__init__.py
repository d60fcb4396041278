"""Evaluation: protocols, metrics, and the evaluation of a network or of any other method on photos."""

from typing import TYPE_CHECKING

__all__ = ["evaluate_colorizer"]

if TYPE_CHECKING:
    from chromahint.evaluation.colorizer import evaluate_colorizer


def __getattr__(name: str) -> object:
    """Import the public name lazily, because commands import this package for checks that need no torch."""
    if name == "evaluate_colorizer":
        from chromahint.evaluation.colorizer import evaluate_colorizer

        return evaluate_colorizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, for completion in a shell or a notebook."""
    return sorted({*globals(), *__all__})
