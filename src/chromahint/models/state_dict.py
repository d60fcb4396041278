"""Read weights from a file and put them into a network: our checkpoints, plain weights, published layouts."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from chromahint.models.checkpoint_formats import detect

_CONTAINERS = ("state_dict", "model")
_WRAPPERS = ("module.", "network.", "_orig_mod.")
_NETWORK = "network."
_MAY_BE_FRESH = ("model_class.",)
_DTYPES = {torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32}
_SHOWN = 3


def read_state(file: Path) -> dict[str, Tensor]:
    """Read the weights in a file by their plain names, without building a network.

    Args:
        file: `.safetensors`, or a file written by `torch.save`: weights alone, or under `state_dict` or `model`.
            Nothing but tensors and plain containers is ever unpickled.

    Returns:
        Tensors on the CPU by name, without the prefixes that wrappers add.

    Raises:
        ValueError: the file is missing, damaged, or holds something else.
    """
    file = Path(file)
    if not file.is_file():
        raise ValueError(f"no weights at {file}: give a .safetensors file, a .pt or .pth file, or a checkpoint (.ckpt)")
    content = _read(file)
    for name in _CONTAINERS:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    if not isinstance(content, Mapping) or not content:
        raise ValueError(
            f"{file} holds no weights: expected tensors by name, alone or under {' or '.join(_CONTAINERS)}"
        )
    for name, value in content.items():
        if not isinstance(name, str) or not _is_plain(value):
            raise ValueError(
                f"{file} holds something other than weights at {name!r:.80}; save weights alone with "
                "torch.save(network.state_dict(), FILE)"
            )
    return _unwrap(dict(content))


def load_weights(network: nn.Module, file: Path) -> str:
    """Put the weights of a file into a network.

    Args:
        network: changed in place; untouched where the file doesn't fit.
        file: anything that `read_state` reads.

    Returns:
        A sentence that says what the file was recognized as.

    Raises:
        ValueError: the file is missing, damaged or made for another network; the message says which.
    """
    file = Path(file)
    state = read_state(file)
    own = network.state_dict(keep_vars=True)
    by_tensor: dict[int, list[str]] = {}
    for name, tensor in own.items():
        by_tensor.setdefault(id(tensor), []).append(name)

    def may_be_absent(name: str) -> bool:
        other_names = by_tensor[id(own[name])]
        return name.endswith(".num_batches_tracked") or any(other in state for other in other_names)

    missing = [name for name in own if name not in state and not may_be_absent(name)]
    fresh = [name for name in missing if name.startswith(_MAY_BE_FRESH)]
    if len(fresh) == sum(name.startswith(_MAY_BE_FRESH) for name in own):
        missing = [name for name in missing if name not in fresh]
    else:
        fresh = []
    extra = [name for name in state if name not in own]
    reshaped = [name for name in state if name in own and state[name].shape != own[name].shape]
    if missing or extra or reshaped:
        raise ValueError(_mismatch(file, state, own, missing, extra, reshaped))
    for name, tensor in state.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{file} is of no use: {name} holds values that are not numbers (nan or inf)")
    network.load_state_dict(state, strict=False)
    found = detect(state)
    sentence = f"{file.name}: weights of {found.name if found else type(network).__name__}, {len(state)} tensors"
    return sentence + (", without a class head, which keeps its fresh start." if fresh else ".")


def _read(file: Path) -> object:
    try:
        if file.suffix == ".safetensors":
            return safetensors.torch.load_file(file)
        # released files keep the options of their training beside the weights: names and values, which run nothing
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise whatever the byte in question leads to
        reason = re.split(r"\n|\. ", str(error).strip())[0][:200]
        raise ValueError(
            f"{file} can't be read as weights: it is damaged, or holds objects other than tensors, which are never "
            "loaded because they could run code. Save weights alone with torch.save(network.state_dict(), FILE), or as "
            f"FILE.safetensors ({type(error).__name__}: {reason or 'no reason given'})"
        ) from None


def _is_plain(value: object) -> bool:
    return (
        isinstance(value, Tensor)
        and value.layout is torch.strided
        and value.device.type == "cpu"
        and value.dtype in _DTYPES
    )


def _unwrap(state: dict[str, Tensor]) -> dict[str, Tensor]:
    if any(name.startswith(_NETWORK) for name in state):
        # a checkpoint keeps metrics beside the network
        state = {name: tensor for name, tensor in state.items() if name.startswith(_NETWORK)}
    for prefix in _WRAPPERS:
        if all(name.startswith(prefix) for name in state):
            return _unwrap({name.removeprefix(prefix): tensor for name, tensor in state.items()})
    return state


def _mismatch(
    file: Path,
    state: Mapping[str, Tensor],
    own: Mapping[str, Tensor],
    missing: list[str],
    extra: list[str],
    reshaped: list[str],
) -> str:
    shapes = [f"{name} is {_size(state[name])}, the network wants {_size(own[name])}" for name in reshaped]
    parts = [
        _listed("missing", missing),
        _listed("not expected", extra),
        _listed("with another shape", shapes, separator="; "),
    ]
    message = f"{file} does not fit this network: " + ", ".join(part for part in parts if part) + "."
    theirs, ours = detect(state), detect(own)
    if theirs is None:
        return message + " It looks like none of Chromahint's networks."
    options = [option for option in theirs.options if ours is None or option not in ours.options]
    advice = f"type {shlex.join(options)}" if options else "the file is incomplete or changed; get it again"
    return f"{message} It looks like {theirs.name}: {advice}"


def _listed(what: str, names: list[str], separator: str = ", ") -> str:
    if not names:
        return ""
    rest = [f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    keys = "key" if len(names) == 1 else "keys"
    return f"{len(names)} {keys} {what} ({separator.join(names[:_SHOWN] + rest)})"


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a single number"
