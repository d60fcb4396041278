"""The models and samples that the page offers. Does not import torch, so that the page loads at once."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Literal, TypedDict

from chromahint.runs.run import find_runs

SAMPLES = ("astronaut", "chelsea", "coffee", "rocket")
PRETRAINED = "pretrained"
BASELINE_MODELS = ("levin", "pullpush")
PREVIEW_SIZES = (256, 208, 160, 128)
"""Sizes of the network input while a user drags. At 256 x 256 pixels, up to 200 hints are as informative as in larger
images; the page requests a smaller size if responses are slow."""

_TITLES = {"pretrained": "SpreadNet", "levin": "Levin", "pullpush": "Pull-push"}
_MAX_RUNS = 60


class ModelChoice(TypedDict):
    """A model that a user can choose.

    Attributes:
        key: stable identifier for the page; contains no path.
        title: displayed name.
        kind: whether the model was trained or is a training-free baseline.
        colors_without_hints: whether to ask the model for colors before there are hints. Models that only propagate
            hints leave the photo gray.
    """

    key: str
    title: str
    kind: Literal["trained", "baseline"]
    colors_without_hints: bool


class ModelList:
    """Lists the models given by the user, the packaged weights, the baselines, and the runs below a folder.

    Args:
        sources: models as accepted by `Colorizer.load`; the first one is the default.
        runs_dir: folder to search for runs on each call; it may not exist.
    """

    def __init__(self, sources: Sequence[str], runs_dir: Path | None = None) -> None:
        self._given = list(dict.fromkeys([*sources, PRETRAINED, *BASELINE_MODELS]))
        self._runs_dir = runs_dir
        self._sources: dict[str, str] = {}
        self.choices()

    def choices(self) -> list[ModelChoice]:
        """Return all models: the given ones first, then runs from newest to oldest.

        >>> [choice["title"] for choice in ModelList(["runs/hscaunet/2026-11-20_10-00-00"]).choices()]
        ['hscaunet/2026-11-20_10-00-00', 'SpreadNet', 'Levin', 'Pull-push']
        """
        sources = list(dict.fromkeys([*self._given, *self._find_runs()]))
        self._sources |= {_key(source): source for source in sources}
        return [
            ModelChoice(
                key=_key(source),
                title=_title(source),
                kind="baseline" if source in BASELINE_MODELS else "trained",
                colors_without_hints=source not in BASELINE_MODELS,
            )
            for source in sources
        ]

    @property
    def default_key(self) -> str:
        """The key of the default model."""
        return _key(self._given[0])

    def source(self, key: str) -> str:
        """Return the model for a key, as accepted by `Colorizer.load`.

        Raises:
            KeyError: the key is unknown.
        """
        if key not in self._sources:
            raise KeyError(f"model={key:.40}: unknown model. Reload the page to update the list of models.")
        return self._sources[key]

    def _find_runs(self) -> list[str]:
        if self._runs_dir is None or not self._runs_dir.is_dir():
            return []
        given = {Path(source).expanduser().resolve() for source in self._given if source not in _TITLES}
        modified = {
            run: checkpoint.stat().st_mtime
            for run in find_runs(self._runs_dir)
            if run not in given
            for checkpoint in [run / "checkpoints" / "best.ckpt"]
            if checkpoint.is_file()
        }
        newest_first = sorted(modified, key=lambda run: modified[run], reverse=True)
        return [str(run) for run in newest_first[:_MAX_RUNS]]


def _key(source: str) -> str:
    return source if source in _TITLES else blake2b(source.encode(), digest_size=6).hexdigest()


def _title(source: str) -> str:
    path = Path(source)
    return _TITLES.get(source) or (path.name if path.suffix else "/".join(path.parts[-2:]))
