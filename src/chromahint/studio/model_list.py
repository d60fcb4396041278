"""What can be chosen on the page, said without torch: it is there before the networks are."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Literal, TypedDict

from chromahint.runs.run import find_runs

SAMPLES = ("astronaut", "chelsea", "coffee", "rocket")
BOX = "pretrained"
METHODS = ("levin", "pullpush")
_TITLES = {"pretrained": "SpreadNet", "levin": "Levin", "pullpush": "Pull-push"}
_MOST_RUNS = 60
PREVIEW_SIZES = (256, 208, 160, 128)
"""Sides of what networks see while a person drags: in 256 x 256 pixels up to 200 hints tell as much as in larger
pictures, and the page asks for less where answers come late."""


class Choice(TypedDict):
    """A network to choose.

    Attributes:
        key: what the page calls it, today and tomorrow; no path.
        title: what people read.
        kind: whether it has learned something.
        guesses: whether it is asked for colors before anyone has said one; those that only spread what was said are
            not, and the photo stays gray.
    """

    key: str
    title: str
    kind: Literal["trained", "method"]
    colors_without_hints: bool


class ModelList:
    """What was named, the weights in the package, methods that learn nothing, and the runs below a folder.

    Args:
        named: as `Colorizer.load` takes them; the first one colors first.
        runs: a folder to look for runs in, anew at each call; it need not be there.
    """

    def __init__(self, named: Sequence[str], runs: Path | None = None) -> None:
        self._named = list(dict.fromkeys([*named, BOX, *METHODS]))
        self._runs = runs
        self._sources: dict[str, str] = {}
        self.all()

    def all(self) -> list[Choice]:
        """List them: what was named first, the newest runs last.

        >>> [choice["title"] for choice in ModelList(["runs/hscaunet/2026-11-20_10-00-00"]).all()]
        ['hscaunet/2026-11-20_10-00-00', 'SpreadNet', 'Levin', 'Pull-push']
        """
        sources = list(dict.fromkeys([*self._named, *self._found()]))
        self._sources |= {_key(source): source for source in sources}
        return [
            Choice(
                key=_key(source),
                title=_title(source),
                kind="method" if source in METHODS else "trained",
                colors_without_hints=source not in _TITLES,
            )
            for source in sources
        ]

    @property
    def first(self) -> str:
        """The key of what colors first."""
        return _key(self._named[0])

    def source(self, key: str) -> str:
        """What `Colorizer.load` takes for a key; the KeyError is for the page."""
        if key not in self._sources:
            raise KeyError("there is no such network; load the page anew to see which there are")
        return self._sources[key]

    def _found(self) -> list[str]:
        if self._runs is None or not self._runs.is_dir():
            return []
        named = {Path(source).expanduser().resolve() for source in self._named if source not in _TITLES}
        weights = {
            run: file.stat().st_mtime
            for run in find_runs(self._runs)
            if run not in named
            for file in [run / "checkpoints" / "best.ckpt"]
            if file.is_file()
        }
        newest = sorted(weights, key=lambda run: weights[run], reverse=True)
        return [str(run) for run in newest[:_MOST_RUNS]]


def _key(source: str) -> str:
    return source if source in _TITLES else blake2b(source.encode(), digest_size=6).hexdigest()


def _title(source: str) -> str:
    path = Path(source)
    return _TITLES.get(source) or (path.name if path.suffix else "/".join(path.parts[-2:]))
