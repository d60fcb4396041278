"""Load network weights from a file: Chromahint checkpoints, plain state dicts and published checkpoint formats."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from chromahint.models.checkpoint_formats import detect

_CONTAINER_KEYS = ("state_dict", "model")
_NETWORK_PREFIX = "network."
_WRAPPER_PREFIXES = ("module.", _NETWORK_PREFIX, "_orig_mod.")
_OPTIONAL_PREFIXES = ("model_class.",)
_DTYPES = {torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32}
_MAX_LISTED = 3


def read_state_dict(file: Path) -> dict[str, Tensor]:
    """Read a state dict from a file without building a network.

    Only tensors and plain containers are unpickled, never arbitrary objects.

    Args:
        file: A `.safetensors` file, or a `torch.save` file that holds a state dict, at the top level or under the key
            `state_dict` or `model`.

    Returns:
        CPU tensors by name, without the prefixes that wrappers such as `DataParallel` add.

    Raises:
        ValueError: The file is missing, damaged, or does not hold a state dict.
    """
    file = Path(file)
    if not file.is_file():
        raise ValueError(f"{file}: file not found. Pass a .safetensors, .pt or .pth file, or a checkpoint (.ckpt).")
    content = _read(file)
    for key in _CONTAINER_KEYS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not content:
        raise ValueError(
            f"{file}: no weights found. Expected a state dict, at the top level or under the key "
            f"{' or '.join(_CONTAINER_KEYS)}."
        )
    for name, value in content.items():
        if not isinstance(name, str) or not _is_supported(value):
            raise ValueError(
                f"{file}: the entry {name!r:.80} is not a weight tensor. Save only the weights, with "
                "torch.save(network.state_dict(), FILE)."
            )
    return _strip_prefixes(dict(content))


def check_room(build: Callable[[], nn.Module], file: Path) -> None:
    """Check that a file is large enough for the weights of a network, before memory is allocated for them.

    Args:
        build: Function that creates the network.
        file: File of weights.

    Raises:
        ValueError: The file has fewer bytes than the network has parameters.
    """
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in build().parameters())
    if file.is_file() and file.stat().st_size < count:
        raise ValueError(
            f"{file}: too small for the {count:,} parameters of the network that its config describes. Pass a complete "
            "copy of the folder."
        )


def load_weights(network: nn.Module, file: Path) -> str:
    """Load weights from a file into a network.

    Args:
        network: Modified in place; left unchanged if the file does not match it.
        file: Any file that `read_state_dict` accepts.

    Returns:
        A sentence that names the detected network.

    Raises:
        ValueError: The file is missing, damaged, or belongs to a different network. The message says which.
    """
    file = Path(file)
    state = read_state_dict(file)
    own = network.state_dict(keep_vars=True)
    names_by_tensor: dict[int, list[str]] = {}
    for name, tensor in own.items():
        names_by_tensor.setdefault(id(tensor), []).append(name)

    def may_be_absent(name: str) -> bool:
        aliases = names_by_tensor[id(own[name])]
        return name.endswith(".num_batches_tracked") or any(alias in state for alias in aliases)

    missing = [name for name in own if name not in state and not may_be_absent(name)]
    optional = [name for name in missing if name.startswith(_OPTIONAL_PREFIXES)]
    if len(optional) == sum(name.startswith(_OPTIONAL_PREFIXES) for name in own):
        missing = [name for name in missing if name not in optional]
    else:
        optional = []
    unexpected = [name for name in state if name not in own]
    mismatched = [name for name in state if name in own and state[name].shape != own[name].shape]
    if missing or unexpected or mismatched:
        raise ValueError(_mismatch_message(file, state, own, missing, unexpected, mismatched))
    for name, tensor in state.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{file}: {name} contains nan or inf. Use weights from a run that did not diverge.")
    network.load_state_dict(state, strict=False)
    found = detect(state)
    sentence = f"{file.name}: weights of {found.name if found else type(network).__name__}, {len(state)} tensors"
    return sentence + (", without a class head, which keeps its initial values." if optional else ".")


def _read(file: Path) -> object:
    try:
        if file.suffix == ".safetensors":
            return safetensors.torch.load_file(file)
        # published files also hold the training options as a Namespace, which is plain data and runs no code
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can raise almost any exception
        reason = re.split(r"\n|\. ", str(error).strip())[0][:200]
        raise ValueError(
            f"{file}: cannot be read as weights ({type(error).__name__}: {reason or 'no reason given'}). The file is "
            "damaged, or holds objects other than tensors, which are never loaded because they could run code. Save "
            "only the weights, with torch.save(network.state_dict(), FILE) or as FILE.safetensors."
        ) from None


def _is_supported(value: object) -> bool:
    return (
        isinstance(value, Tensor)
        and value.layout is torch.strided
        and value.device.type == "cpu"
        and value.dtype in _DTYPES
    )


def _strip_prefixes(state: dict[str, Tensor]) -> dict[str, Tensor]:
    if any(name.startswith(_NETWORK_PREFIX) for name in state):
        # a Lightning checkpoint also holds the state of metrics
        state = {name: tensor for name, tensor in state.items() if name.startswith(_NETWORK_PREFIX)}
    for prefix in _WRAPPER_PREFIXES:
        if all(name.startswith(prefix) for name in state):
            return _strip_prefixes({name.removeprefix(prefix): tensor for name, tensor in state.items()})
    return state


def _mismatch_message(
    file: Path,
    state: Mapping[str, Tensor],
    own: Mapping[str, Tensor],
    missing: list[str],
    unexpected: list[str],
    mismatched: list[str],
) -> str:
    shapes = [
        f"{name} is {_format_shape(state[name])}, the network expects {_format_shape(own[name])}" for name in mismatched
    ]
    parts = [
        _list_keys("missing", missing),
        _list_keys("unexpected", unexpected),
        _list_keys("with a different shape", shapes, separator="; "),
    ]
    message = f"{file}: does not match the network: " + ", ".join(part for part in parts if part) + "."
    theirs, ours = detect(state), detect(own)
    if theirs is None:
        return message + " It does not look like weights of any Chromahint network."
    options = [option for option in theirs.options if ours is None or option not in ours.options]
    if not options:
        return f"{message} It looks like {theirs.name}, but it is incomplete or modified. Download it again."
    return f"{message} It looks like {theirs.name}. Try {shlex.join(options)}."


def _list_keys(problem: str, names: list[str], separator: str = ", ") -> str:
    if not names:
        return ""
    rest = [f"{len(names) - _MAX_LISTED} more"] if len(names) > _MAX_LISTED else []
    keys = "key" if len(names) == 1 else "keys"
    return f"{len(names)} {keys} {problem} ({separator.join(names[:_MAX_LISTED] + rest)})"


def _format_shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a scalar"
