"""Open a trained network by what a person names: a run, a file of weights, or the weights in the package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from chromahint.inference.identify import UNTOLD, identify, try_option
from chromahint.inference.ready import make_ready
from chromahint.models.pretrained import BOX, in_box
from chromahint.models.registry import LEARN_NOTHING, build_known, name_of, target_of
from chromahint.runs.run import Run, open_run

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Opened:
    """A network with its weights, on the processor.

    Attributes:
        network: in evaluation mode, for pictures of any size.
        model: `_target_` and options that built it.
        weights: the file that it has them from.
        side: of the square that its pictures are to be squashed to; None where they are not.
        run: where it was trained, if that is known.
        said: what a person should know of how it was found, in sentences.
    """

    network: nn.Module
    model: dict[str, Any]
    weights: Path
    side: int | None
    run: Run | None
    said: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the network, such as `unet`."""
        target = str(self.model["_target_"])
        return name_of(target) or target.rpartition(".")[2].lower()

    @property
    def trained_side(self) -> int | None:
        """Of the pictures that the network was trained with, in pixels; None where nobody knows."""
        size = self.run.config.get("data", {}).get("size") if self.run is not None else None
        return self.side if self.side is not None else size if isinstance(size, int) else None

    @property
    def options(self) -> dict[str, Any]:
        """Those of the network's constructor."""
        return {key: value for key, value in self.model.items() if key != "_target_"}


def open_network(named: str | None, build: Callable[[dict[str, Any]], Any]) -> Opened:
    """Open what a person named.

    Args:
        named: a run's folder, a file of weights, or `box`; None means the box.
        build: makes a network of `_target_` and options, also one of the person's own.

    Raises:
        ValueError: there is no such run or file, it has no weights, or they fit nothing.
    """
    if named in (None, "box"):
        return _of_box()
    if named in LEARN_NOTHING:
        raise ValueError(
            f"{named}: learns nothing, so it has no weights to open; type a run, a file of weights, or box"
        )
    path = Path(str(named)).expanduser()
    if path.is_dir():
        run = open_run(path)
        model = _model(run)
        network = build(model)
        if not any(True for _ in network.parameters()):
            raise ValueError(f"{named}: {type(network).__name__} learns nothing, so it has no weights to export")
        said = (f"{path.name}: {run.weights.name} of the run",)
        return Opened(make_ready(network, run.weights, CPU), model, run.weights, None, run, said)
    if not path.is_file():
        raise ValueError(
            f"{named}: there is no such run, and no such file; type a run's folder, a file of weights, or box"
        )
    above = path.absolute().parent.parent
    if (above / "run.json").is_file():
        run = open_run(above)
        said = (f"{path.name}: the network of the run {above.parent.name}/{above.name}",)
        return Opened(make_ready(build(_model(run)), path, CPU), _model(run), path, None, run, said)
    return _of_file(path)


def _of_box() -> Opened:
    [about] = BOX.glob("*.json")
    target = target_of(about.stem)
    boxed = in_box(target)
    assert boxed is not None
    network = make_ready(build_known(about.stem, boxed.options), boxed.file, CPU)
    said = (f"{about.stem}: the weights in the box, trained on {boxed.trained_on}",)
    return Opened(network, {"_target_": target, **boxed.options}, boxed.file, None, None, said)


def _of_file(file: Path) -> Opened:
    """Tell the network from names and shapes, and what these do not tell from natural photos."""
    found = identify(file)
    typed = {key: yaml.safe_load(value) for key, _, value in (option.partition("=") for option in found.options)}
    name = typed.pop("model")
    options = {key.removeprefix("model."): value for key, value in typed.items()}
    network = make_ready(build_known(name, options), file, CPU)
    said = [f"{file.name}: {found.name}{', ' if found.assumed else ''}{found.assumed}"]
    for option in UNTOLD:
        if hasattr(network, option):
            tried = try_option(network, option, found.side or 256, CPU)
            options[option] = tried.value
            setattr(network, option, tried.value)
            said.append(tried.reason.partition("; model.")[0])
    return Opened(network, {"_target_": target_of(name), **options}, file, found.side, None, tuple(said))


def _model(run: Run) -> dict[str, Any]:
    model = run.config.get("model")
    if not isinstance(model, dict) or "_target_" not in model:
        raise ValueError(f"{run.path / 'config.yaml'}: has no model; choose another run")
    return model
