"""Load a network from a name or path: pretrained weights, a run, a weights file, an export, or a baseline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from chromahint.config.instantiate import instantiate_node
from chromahint.config.paths import add_cwd_to_path
from chromahint.inference.detect_architecture import AMBIGUOUS_OPTIONS, detect_architecture, infer_option
from chromahint.inference.exported_folder import WEIGHTS, is_exported_folder, open_exported_folder
from chromahint.inference.fixed_size import FixedSizeWrapper
from chromahint.inference.trust import trusted_config
from chromahint.models.levin import Levin
from chromahint.models.pretrained import PretrainedWeights, find_pretrained, list_pretrained
from chromahint.models.pullpush import PullPush
from chromahint.models.registry import create_model, model_name, qualname_of
from chromahint.models.state_dict import check_room, load_weights
from chromahint.runs.run import Run, open_run
from chromahint.wandb_api.run_artifact import download_run, is_wandb_run

CPU = torch.device("cpu")
COLORING_BASELINES: dict[str, type[nn.Module]] = {"levin": Levin, "pullpush": PullPush}
"""Training-free baselines that color images from hints."""
SPREADNET_IMAGE_SIZE = 512
DEFAULT_INPUT_SIZE = 256
"""Networks color images of about size x size pixels; larger ones did not improve results (benchmarks/README.md)."""


@dataclass(frozen=True)
class NetworkSpec:
    """Architecture and weights of a trained network.

    Attributes:
        model: `_target_` and options of the network, as in `model` of a config.
        weights: File of weights.
        input_size: Height and width that images are squashed to for the network; None keeps their size.
        run: Run that trained the network, if known.
    """

    model: dict[str, Any]
    weights: Path
    input_size: int | None = None
    run: Run | None = None

    @property
    def name(self) -> str:
        """Name of the network, such as `unet`."""
        target = str(self.model["_target_"])
        return model_name(target) or target.rpartition(".")[2].lower()

    @property
    def options(self) -> dict[str, Any]:
        """Constructor options of the network."""
        return {key: value for key, value in self.model.items() if key != "_target_"}

    @property
    def train_size(self) -> int | None:
        """Height and width of the training images in pixels, or None if unknown."""
        if self.input_size is not None:
            return self.input_size
        size = self.run.config.get("data", {}).get("train_size") if self.run is not None else None
        return size if isinstance(size, int) else None


@dataclass(frozen=True)
class LoadedNetwork:
    """A network that is ready to color images.

    Attributes:
        network: Network in eval mode, without gradients.
        name: Short name of the network.
        input_size: Height and width that images must be squashed to; None keeps their aspect ratio.
        spec: Architecture and weights, or None for baselines and ONNX files.
        messages: Sentences that tell the user what was loaded.
    """

    network: nn.Module
    name: str
    input_size: int | None = None
    spec: NetworkSpec | None = None
    messages: tuple[str, ...] = ()

    @property
    def any_size_network(self) -> nn.Module:
        """The network for images of any size; it squashes them if it must."""
        return self.network if self.input_size is None else FixedSizeWrapper(self.network, self.input_size)

    @property
    def image_size(self) -> int:
        """Recommended size: the network should color images of about image_size x image_size pixels."""
        if self.input_size is not None:
            return self.input_size
        return SPREADNET_IMAGE_SIZE if self.name == "spreadnet" else DEFAULT_INPUT_SIZE

    def require_spec(self) -> NetworkSpec:
        """Return the spec.

        Raises:
            ValueError: The network has no weights that can be exported.
        """
        if self.spec is None:
            raise ValueError(
                f"{self.name}: has no weights to export. Pass pretrained, a run folder, a weights file, or a folder "
                "written by `chromahint export`."
            )
        return self.spec


def load_network(source: str | Path, device: torch.device = CPU) -> LoadedNetwork:
    """Load a network and its weights.

    Args:
        source: `pretrained`, or the name of other weights in the package; `levin` or `pullpush`; a run folder, or a
            run on W&B, named wandb:ENTITY/PROJECT/RUN; a file of weights (a checkpoint, safetensors, or a published
            layout); or an export, that is a folder or an ONNX file.
        device: Device of the network. ONNX files run on the CPU.

    Raises:
        ValueError: The source does not exist or can't be loaded.
    """
    if (pretrained := find_pretrained(source)) is not None:
        return _load_pretrained(pretrained, device)
    if source in COLORING_BASELINES:
        network = prepare_network(COLORING_BASELINES[str(source)](), None, device)
        return LoadedNetwork(network, str(source))
    path = download_run(source) if is_wandb_run(source) else Path(source).expanduser()
    if path.suffix == ".onnx" and path.exists():
        return _load_onnx(path)
    if is_exported_folder(path):
        return _load_exported_folder(path, device)
    if path.is_dir():
        run = open_run(path)
        return _load_run(run, run.best_checkpoint, f"{path.name}: {run.best_checkpoint.name} of the run", device)
    if not path.is_file():
        names = ", ".join(["pretrained", *list_pretrained(), *COLORING_BASELINES])
        raise ValueError(
            f"{source}: file or folder not found. Pass {names}, a run folder such as runs/NAME/DATE, a "
            "weights file, or what `chromahint export` wrote."
        )
    parent = path.absolute().parent.parent
    if (parent / "run.json").is_file():
        message = f"{path.name}: network of the run {parent.parent.name}/{parent.name}"
        return _load_run(open_run(parent), path, message, device)
    return _load_weights_file(path, device)


def prepare_network(
    network: nn.Module, weights: Path | None, device: torch.device, input_size: int | None = None
) -> nn.Module:
    """Load weights, move the network to the device, and set eval mode.

    Args:
        network: Network as its constructor returns it.
        weights: Checkpoint, safetensors file, or published layout; None keeps the current weights.
        device: Device to run on.
        input_size: Height and width that images are squashed to for the network; None keeps their size.
    """
    if weights is not None:
        load_weights(network, weights)
    network.to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    network.eval().requires_grad_(False)
    return network if input_size is None else FixedSizeWrapper(network, input_size)


def resolve_device(name: str) -> torch.device:
    """Return the device of that name; `auto` is the accelerator if there is one, else the CPU.

    Raises:
        ValueError: torch can't use the device on this machine.
    """
    if name == "auto":
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        return accelerator if accelerator is not None else CPU
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        raise ValueError(f"device={name}: not available on this machine. Use device=auto or device=cpu.") from None
    return device


def _load_pretrained(pretrained: PretrainedWeights, device: torch.device) -> LoadedNetwork:
    name = pretrained.model
    network = prepare_network(create_model(name, pretrained.options), pretrained.file, device)
    spec = NetworkSpec({"_target_": qualname_of(name), **pretrained.options}, pretrained.file)
    return LoadedNetwork(network, name, None, spec, (f"{name}: pretrained on {pretrained.trained_on}",))


def _load_onnx(path: Path) -> LoadedNetwork:
    from chromahint.inference.onnx_network import OnnxNetwork

    network = OnnxNetwork(path)
    message = f"{path.name}: {network.name}, run by ONNX Runtime"
    return LoadedNetwork(prepare_network(network, None, CPU), network.name, messages=(message,))


def _load_exported_folder(path: Path, device: torch.device) -> LoadedNetwork:
    folder = open_exported_folder(path)
    spec = NetworkSpec({"_target_": qualname_of(folder.name), **folder.options}, path / WEIGHTS, folder.input_size)
    message = f"{path.name}: exported {folder.name}"
    return LoadedNetwork(
        prepare_network(folder.network, None, device), folder.name, folder.input_size, spec, (message,)
    )


def _load_run(run: Run, weights: Path, message: str, device: torch.device) -> LoadedNetwork:
    """Build the network of a run, which may be the user's own, and load weights into it."""
    model = trusted_config(run).get("model")
    if not isinstance(model, dict) or "_target_" not in model:
        raise ValueError(f"{run.path / 'config.yaml'}: has no model. Pass another run.")
    add_cwd_to_path()
    if model_name(str(model["_target_"])) is not None:
        check_room(lambda: instantiate_node(model), weights)
    network: nn.Module = instantiate_node(model)
    if not any(True for _ in network.parameters()):
        raise ValueError(f"{run.path}: {type(network).__name__} has no weights to load. Pass another run.")
    spec = NetworkSpec(model, weights, None, run)
    return LoadedNetwork(prepare_network(network, weights, device), spec.name, None, spec, (message,))


def _load_weights_file(file: Path, device: torch.device) -> LoadedNetwork:
    """Detect the network from names and shapes, and options that these do not determine from natural photos."""
    detected = detect_architecture(file)
    overrides = (override.partition("=") for override in detected.options)
    values = {key: yaml.safe_load(value) for key, _, value in overrides}
    name = values.pop("model")
    options = {key.removeprefix("model."): value for key, value in values.items()}
    network = prepare_network(create_model(name, options), file, CPU)
    messages = [f"{file.name}: {detected.name}{', ' if detected.assumed else ''}{detected.assumed}"]
    for option in AMBIGUOUS_OPTIONS:
        if hasattr(network, option):
            inferred = infer_option(network, option, detected.image_size or 256, CPU)
            options[option] = inferred.value
            setattr(network, option, inferred.value)
            messages.append(inferred.reason.partition("; model.")[0])
    spec = NetworkSpec({"_target_": qualname_of(name), **options}, file, detected.image_size)
    return LoadedNetwork(prepare_network(network, None, device), spec.name, detected.image_size, spec, tuple(messages))
