"""No training step reads a value from the device, which would make the host wait for a GPU.

Meta tensors stand in for those on a GPU: whoever asks for their values raises an error.
"""

import contextlib
from types import SimpleNamespace

import pytest
import torch
from torch.overrides import TorchFunctionMode

from chromahint.config.compose import compose
from chromahint.training.callbacks.batch_norm_average import BatchNormAverage
from chromahint.training.callbacks.ema import EMA
from chromahint.training.callbacks.nan_guard import NaNGuard
from chromahint.training.train import build_module


class WithoutGenerators(TorchFunctionMode):
    """There are no random generators for meta tensors."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        return function(*args, **{name: value for name, value in (kwargs or {}).items() if name != "generator"})


@pytest.fixture
def on_device(monkeypatch):
    """`on_device(words)` is a module whose tensors are on a device without values."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())

    def make(*words):
        module = build_module(compose("train", ["model.width=8", "trainer.precision=32-true", *words]).config)
        module.generator = lambda batch_idx: torch.Generator()
        return module.to("meta")

    with WithoutGenerators():
        yield make


def batch():
    return torch.zeros(4, 3, 64, 64, dtype=torch.uint8, device="meta")


@pytest.mark.parametrize(
    "words",
    [
        *(f"model={name}" for name in ("unet", "hscaunet", "resunet", "zhang2017", "icolorit", "multibranch")),
        *(f"model={name}" for name in ("zhang2016", "xiao2019")),
        *(f"model=spreadnet hints={name}" for name in ("global", "local_and_global")),
        *(f"hints={name}" for name in ("log_uniform", "mixture", "points", "cells", "strokes", "pixels_2022", "none")),
        *(f"model=spreadnet hints={name}" for name in ("self_play", "sparse_self_play")),
        *(f"augment={name}" for name in ("none", "flips", "light", "strong", "old_photos")),
        *(f"loss={name}" for name in ("huber", "l1_ssim", "mse", "psnr")),
    ],
)
def test_loss_and_gradients(on_device, words):
    module = on_device("model=unet", *words.split())
    module.compute_loss(batch(), 0).backward()
    assert any(parameter.grad is not None for parameter in module.parameters())


def test_color_classes(on_device):
    on_device("model=zhang2017", "loss=zhang").compute_loss(batch(), 0).backward()
    on_device("model=zhang2016", "loss=rebalanced_classes").compute_loss(batch(), 0).backward()


@pytest.mark.parametrize("model", [["spreadnet"], ["xiao2019"], ["zhang2017", "model.global_hints=true"]])
def test_palettes(on_device, model):
    on_device(f"model={model[0]}", *model[1:], "hints=local_and_global").compute_loss(batch(), 0).backward()


def test_reading_a_value_is_noticed(on_device):
    module = on_device("model=unet")
    module.network.forward = lambda lightness, hints: hints.ab * float(hints.mask.sum())
    with pytest.raises(RuntimeError, match="meta"):
        module.compute_loss(batch(), 0)


def test_callbacks(on_device, tmp_path):
    module = on_device("model=hscaunet")
    trainer = SimpleNamespace(
        global_step=0, global_rank=0, world_size=1, log_every_n_steps=10, accumulate_grad_batches=1,
        is_global_zero=False, strategy=SimpleNamespace(root_device=torch.device("meta")),
    )  # fmt: skip
    guard, average = NaNGuard(tmp_path), EMA()
    average.setup(trainer, module, "fit")
    average._average_model.n_averaged = torch.tensor(0)  # on the host once, at the start
    callbacks = [guard, average, BatchNormAverage()]
    for callback in callbacks:
        callback.on_train_start(trainer, module)
    average._average_model.to("meta")
    for step in range(5):
        for callback in callbacks:
            callback.on_train_batch_start(trainer, module, batch(), step)
        loss = module.compute_loss(batch(), step)
        for callback in callbacks:
            callback.on_before_backward(trainer, module, loss)
        loss.backward()
        for callback in callbacks:
            callback.on_before_optimizer_step(trainer, module, None)
        trainer.global_step += 1
        for callback in callbacks:
            callback.on_train_batch_end(trainer, module, {"loss": loss}, batch(), step)
    assert guard.every_n_batches == 10
    with pytest.raises(RuntimeError, match="meta"):
        guard.on_train_epoch_end(trainer, module)  # here it looks
