"""A network ready to color, from what a person names: the box, a run, a file of weights, an export, or a method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from torch import nn

from chromahint.config.instantiate import instantiate_node
from chromahint.config.paths import add_cwd_to_path
from chromahint.inference.detect_architecture import AMBIGUOUS_OPTIONS, detect_architecture, infer_option
from chromahint.inference.exported_folder import is_exported_folder, open_exported_folder
from chromahint.inference.fixed_size import FixedSizeWrapper
from chromahint.models.levin import Levin
from chromahint.models.pretrained import PRETRAINED_DIR, find_pretrained
from chromahint.models.pullpush import PullPush
from chromahint.models.registry import BASELINES, create_model, model_name, qualname_of
from chromahint.models.state_dict import load_weights
from chromahint.runs.run import Run, open_run


def prepare_network(
    network: nn.Module, weights: Path | None, device: torch.device, input_size: int | None = None
) -> nn.Module:
    """Load weights, move to the device and set evaluation mode.

    Args:
        network: a network as its constructor made it.
        weights: a checkpoint of ours, safetensors, or a published layout; None keeps the weights it has.
        device: where it is to run.
        side: of the square that images are squashed to for the network; None gives it images as they come.
    """
    if weights is not None:
        load_weights(network, weights)
    network.to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    network.eval().requires_grad_(False)
    return network if input_size is None else FixedSizeWrapper(network, input_size)


def resolve_device(wanted: str) -> torch.device:
    """Resolve `auto` to the best device that torch can use.

    Raises:
        ValueError: the device does not exist here.
    """
    if wanted == "auto":
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        return accelerator if accelerator is not None else torch.device("cpu")
    try:
        device = torch.device(wanted)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        raise ValueError(f"device={wanted}: torch cannot use it here; type device=auto or device=cpu") from None
    return device


CPU = torch.device("cpu")


@dataclass(frozen=True)
class LoadedNetwork:
    """A network with its weights, on the processor.

    Attributes:
        network: in evaluation mode, for images of any size.
        model: `_target_` and options that built it.
        weights: the file that it has them from.
        side: of the square that its images are to be squashed to; None where they are not.
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
        return model_name(target) or target.rpartition(".")[2].lower()

    @property
    def trained_side(self) -> int | None:
        """Of the images that the network was trained with, in pixels; None where nobody knows."""
        size = self.run.config.get("data", {}).get("size") if self.run is not None else None
        return self.side if self.side is not None else size if isinstance(size, int) else None

    @property
    def options(self) -> dict[str, Any]:
        """Those of the network's constructor."""
        return {key: value for key, value in self.model.items() if key != "_target_"}


def load_trained_network(named: str | None, build: Callable[[dict[str, Any]], Any]) -> LoadedNetwork:
    """Open what a person named.

    Args:
        named: a run's folder, a file of weights, or `box`; None means the box.
        build: makes a network of `_target_` and options, also one of the person's own.

    Raises:
        ValueError: there is no such run or file, it has no weights, or they fit nothing.
    """
    if named in (None, "pretrained"):
        return _of_box()
    if named in BASELINES:
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
        said = (f"{path.name}: {run.best_checkpoint.name} of the run",)
        return LoadedNetwork(
            prepare_network(network, run.best_checkpoint, CPU), model, run.best_checkpoint, None, run, said
        )
    if not path.is_file():
        raise ValueError(
            f"{named}: there is no such run, and no such file; type a run's folder, a file of weights, or box"
        )
    above = path.absolute().parent.parent
    if (above / "run.json").is_file():
        run = open_run(above)
        said = (f"{path.name}: the network of the run {above.parent.name}/{above.name}",)
        return LoadedNetwork(prepare_network(build(_model(run)), path, CPU), _model(run), path, None, run, said)
    return _of_file(path)


def _of_box() -> LoadedNetwork:
    [about] = PRETRAINED_DIR.glob("*.json")
    target = qualname_of(about.stem)
    boxed = find_pretrained(target)
    assert boxed is not None
    network = prepare_network(create_model(about.stem, boxed.options), boxed.file, CPU)
    said = (f"{about.stem}: the weights in the box, trained on {boxed.trained_on}",)
    return LoadedNetwork(network, {"_target_": target, **boxed.options}, boxed.file, None, None, said)


def _of_file(file: Path) -> LoadedNetwork:
    """Tell the network from names and shapes, and what these do not tell from natural photos."""
    found = detect_architecture(file)
    typed = {key: yaml.safe_load(value) for key, _, value in (option.partition("=") for option in found.options)}
    name = typed.pop("model")
    options = {key.removeprefix("model."): value for key, value in typed.items()}
    network = prepare_network(create_model(name, options), file, CPU)
    said = [f"{file.name}: {found.name}{', ' if found.assumed else ''}{found.assumed}"]
    for option in AMBIGUOUS_OPTIONS:
        if hasattr(network, option):
            tried = infer_option(network, option, found.image_size or 256, CPU)
            options[option] = tried.value
            setattr(network, option, tried.value)
            said.append(tried.reason.partition("; model.")[0])
    return LoadedNetwork(network, {"_target_": qualname_of(name), **options}, file, found.image_size, None, tuple(said))


def _model(run: Run) -> dict[str, Any]:
    model = run.config.get("model")
    if not isinstance(model, dict) or "_target_" not in model:
        raise ValueError(f"{run.path / 'config.yaml'}: has no model; choose another run")
    return model


OnMessage = Callable[[str], None]
"""Told, in a sentence, what was found."""
COLORING_BASELINES: dict[str, type[nn.Module]] = {"levin": Levin, "pullpush": PullPush}
_SPREADNET = 512
_OTHERS = 256
"""Pixels that networks see are about the square of these: more made no photo closer (benchmarks/README.md)."""


class NetworkSpec(NamedTuple):
    """A network, and how it likes its images.

    Attributes:
        network: ready to color.
        name: in short.
        size: it is to see about size x size pixels.
        square: whether images are to be squashed to that.
    """

    network: nn.Module
    name: str
    size: int
    square: bool = False


def load_network(
    source: str | Path, device: torch.device, on_message: OnMessage = lambda sentence: None
) -> NetworkSpec:
    """Make a network ready.

    Args:
        source: box, levin, pullpush, the folder of a run, a file of weights, or what `chromahint export` wrote: a
            folder of safetensors or an ONNX file.
        device: where it is to run; ONNX files run on the processor.
        say: told what was found.

    Raises:
        ValueError: there is no such source, or it can't be used.
    """
    if source in COLORING_BASELINES:
        return _loaded(COLORING_BASELINES[str(source)](), str(source), None, device)
    path = Path(source).expanduser()
    if source != "pretrained" and not path.exists():
        raise ValueError(
            f"{source}: there is no such run or file of weights; allowed are box, {', '.join(COLORING_BASELINES)}, the folder "
            "of a run such as runs/NAME/DATE, a file of weights, and what `chromahint export` wrote"
        )
    if path.suffix == ".onnx":
        from chromahint.inference.onnx_network import OnnxNetwork

        network = OnnxNetwork(path)
        on_message(f"{path.name}: {network.name}, run by ONNX Runtime")
        return _loaded(network, network.name, None, torch.device("cpu"))
    if is_exported_folder(path):
        folder = open_exported_folder(path)
        on_message(f"{path.name}: {folder.name}, as it was exported")
        return _loaded(folder.network, folder.name, folder.input_size, device)
    add_cwd_to_path()
    opened = load_trained_network(str(source), instantiate_node)
    for sentence in opened.said:
        on_message(sentence)
    return _loaded(opened.network, opened.name, opened.side, device)


def _loaded(network: nn.Module, name: str, side: int | None, device: torch.device) -> NetworkSpec:
    size = _SPREADNET if name == "spreadnet" else _OTHERS
    ready = prepare_network(network, None, device)
    return NetworkSpec(ready, name, size if side is None else side, square=side is not None)
