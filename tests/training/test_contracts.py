"""Parts from outside: those that fit train as they are, others are refused with what they must be."""

import pytest

MODULE = """
import torch
from torch import nn

def flat(prediction, target):
    return (prediction - target).abs().mean()

class Flat(nn.Module):
    def forward(self, prediction, target):
        return flat(prediction, target)

class PerPixel(nn.Module):
    def forward(self, prediction, target):
        return (prediction - target).abs()

class Swapped(nn.Module):
    def forward(self, prediction):
        return prediction.mean()

class Rgb(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(1, 3, 1)
    def forward(self, lightness, hints):
        return self.layer(lightness)

class Mask:
    def __call__(self, ab, generator):
        return ab[:, :1] > 0

class Crop:
    def __call__(self, rgb, generator):
        return rgb[..., :8].float() / 255

def no_optimizer(named_parameters):
    return None

class NoSchedule:
    pass

class NoProtocol:
    def __init__(self, hint_counts, size):
        self.name, self.hint_counts, self.size = "none", hint_counts, size
"""

CONF = {
    "loss/flat": "_target_: parts.Flat",
    "loss/torch_l1": "_target_: torch.nn.SmoothL1Loss\nbeta: 2.0",
    "loss/per_pixel": "_target_: parts.PerPixel",
    "loss/swapped": "_target_: parts.Swapped",
    "model/rgb": "_target_: parts.Rgb",
    "hints/mask": "_target_: parts.Mask",
    "augment/crop": "_target_: parts.Crop",
    "optimizer/rmsprop": "_target_: torch.optim.RMSprop\n_partial_: true\nlr: 0.001",
    "optimizer/no_optimizer": "_target_: parts.no_optimizer\n_partial_: true",
    "lr_schedule/steps": "_target_: torch.optim.lr_scheduler.StepLR\n_partial_: true\nstep_size: 1\ngamma: 0.5",
    "lr_schedule/one_cycle_torch": (
        "_target_: torch.optim.lr_scheduler.OneCycleLR\n_partial_: true\nmax_lr: 0.01\ntotal_steps: 100"
    ),
    "lr_schedule/plateau_torch": (
        "_target_: torch.optim.lr_scheduler.ReduceLROnPlateau\n_partial_: true\nmode: max\npatience: 0"
    ),
    "protocol/wrong": "_target_: parts.NoProtocol\nhint_counts: [0, 1]\nsize: 64",
    "callbacks/wrong": "defaults: [default, _self_]\nthing:\n  _target_: parts.NoSchedule",
    "lr_schedule/no_schedule": "_target_: parts.NoSchedule",
}


@pytest.fixture
def project(tmp_path):
    (tmp_path / "parts.py").write_text(MODULE)
    for name, text in CONF.items():
        file = tmp_path / "conf" / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    return tmp_path


@pytest.mark.parametrize(
    "choices",
    [
        ["loss=flat", "optimizer=rmsprop"],
        ["loss=torch_l1", "loss.beta=4.0"],
        ["lr_schedule=one_cycle_torch"],
    ],
)
def test_parts_of_torch_and_plain_functions_train_as_they_are(command, tiny, project, choices):
    done = command("train", *tiny, "model=unet", *choices, folder=project)
    assert done.status == 0, done.err


def test_schedulers_of_torch_advance_with_epochs(command, tiny, project, read_metrics):
    epochs = ["trainer.max_steps=null", "trainer.max_epochs=3", "trainer.log_every_n_steps=1"]
    done = command("train", *tiny, "model=unet", "lr_schedule=steps", "optimizer.lr=0.5", *epochs, folder=project)
    assert done.status == 0, done.err
    rates = read_metrics(done.run)["train/lr"]
    assert sorted(set(rates), reverse=True) == [0.5, 0.25, 0.125]


def test_plateau_of_torch_watches_the_validation_score(command, tiny, project, read_metrics):
    epochs = ["trainer.max_steps=null", "trainer.max_epochs=4", "trainer.log_every_n_steps=1"]
    slow = ["optimizer.lr=1e-6", "trainer.val_check_interval=null"]  # the score cannot get better
    done = command("train", *tiny, "model=unet", "lr_schedule=plateau_torch", *slow, *epochs, folder=project)
    assert done.status == 0, done.err
    rates = read_metrics(done.run)["train/lr"]
    assert min(rates) < 0.5 * max(rates)


@pytest.mark.parametrize(
    ("choice", "problem", "contract"),
    [
        ("loss=per_pixel", "loss: parts.PerPixel returned shape (2, 2, 64, 64)", "-> scalar tensor"),
        ("loss=swapped", "loss: parts.Swapped raised TypeError", "(prediction B2HW, target B2HW) -> scalar"),
        (
            "model=rgb",
            "model: parts.Rgb returned shape (2, 3, 64, 64) instead of (2, 2, 64, 64)",
            "ab B2HW in Lab units",
        ),
        ("hints=mask", "hints: parts.Mask returned Tensor", "-> Hints of the same height and width"),
        ("augment=crop", "augment: parts.Crop returned shape (2, 3, 64, 8)", "rgb float32 B3HW in 0..1"),
        ("optimizer=no_optimizer", "optimizer: parts.no_optimizer returned NoneType", "torch.optim.Optimizer"),
        ("protocol=wrong", "protocol: parts.NoProtocol is no SquareProtocol", "hints(truth, ids, count) -> Hints"),
        ("callbacks=wrong", "callbacks.thing: parts.NoSchedule is no Callback", "a Lightning Callback"),
        (
            "lr_schedule=no_schedule",
            "lr_schedule: parts.NoSchedule",
            "a subclass of LRSchedule; or a scheduler",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_the_contract(command, tiny, project, choice, problem, contract):
    words = [word for word in tiny if word != "model.width=4"]
    failed = command("train", *words, choice, folder=project)
    assert failed.status == 2, failed.err
    message = " ".join(failed.err.split())
    assert problem in message
    assert contract in message
    assert "Traceback" not in message
    assert not (project / "runs").exists()
