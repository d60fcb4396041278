"""Your own YAML files, experiments and networks in the current folder."""

import sys

import pytest

from chromahint.cli.models import find_targets
from chromahint.config.compose import compose
from chromahint.config.errors import ConfigError
from chromahint.config.paths import list_groups
from chromahint.config.validate import validate

NETWORK = '''
import torch
from torch import nn


class Blend(nn.Module):
    """One convolution over lightness, color and mask."""

    def __init__(self, width: int = 4, steps: int = 1) -> None:
        super().__init__()
        self.layer = nn.Conv2d(4, 2, 3, padding=1)
        self.steps = steps

    def forward(self, lightness, hints):
        return self.layer(torch.cat([lightness / 100, hints.ab / 110, hints.mask], dim=1)) * 110
'''


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("mynets", None)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def own_network(folder):
    write(folder / "mynets.py", NETWORK)
    write(folder / "conf/model/blend.yaml", "_target_: mynets.Blend\nwidth: 4\nsteps: 2\n")


def test_an_experiment_in_the_current_folder(here):
    write(here / "experiments/mine/config.yaml", "# @package _global_\nseed: 11\nmodel:\n  width: 8\n")
    composed = compose("train", ["experiment=mine"])
    assert composed.config["seed"] == 11
    assert composed.config["model"]["width"] == 8
    assert {"mine", "hscaunet_2022"} <= set(list_groups()["experiment"])


def test_an_experiment_in_the_current_folder_wins_over_a_packaged_one(here):
    write(here / "experiments/hscaunet_2022/config.yaml", "# @package _global_\nseed: 12\n")
    config = compose("train", ["experiment=hscaunet_2022"]).config
    assert config["seed"] == 12
    assert config["model"]["width"] == 16


def test_packaged_experiments_are_found_elsewhere(here, monkeypatch, tmp_path_factory):
    write(here / "experiments/mine/config.yaml", "# @package _global_\nseed: 11\n")
    compose("train", ["experiment=mine"])
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert compose("train", ["experiment=hscaunet_2022"]).config["model"]["width"] == 64
    with pytest.raises(ConfigError, match="experiment=mine"):
        compose("train", ["experiment=mine"])


def test_choices_in_the_current_folder_are_added(here):
    write(here / "conf/model/thin.yaml", "_target_: chromahint.models.unet.UNet\nwidth: 4\nzero_init_head: true\n")
    assert compose("train", ["model=thin"]).config["model"]["width"] == 4
    assert compose("train", ["model=unet"]).config["model"]["width"] == 16
    assert {"thin", "unet"} <= set(list_groups()["model"])


def test_a_choice_may_build_on_a_packaged_one(here):
    write(here / "conf/data/mine.yaml", f"defaults: [folder, _self_]\nroot: {here}\nbatch_size: 3\n")
    config = compose("train", ["data=mine"]).config
    assert config["data"]["root"] == str(here)
    assert config["data"]["resize_mode"] == "random_crop"
    validate(config, "train")


def test_an_unknown_choice_lists_those_of_the_current_folder(here):
    write(here / "conf/model/thin.yaml", "_target_: chromahint.models.unet.UNet\n")
    with pytest.raises(ConfigError, match="Did you mean thin"):
        compose("train", ["model=thinn"])


@pytest.mark.parametrize("text", ["a: [1\n", "a: b: c\n", "\tx: 1\n"])
def test_a_file_that_is_no_yaml_is_named(here, text):
    write(here / "conf/model/damaged.yaml", text)
    with pytest.raises(ConfigError, match="damaged"):
        compose("train", ["model=damaged"])


@pytest.mark.parametrize("text", ["- 1\n- 2\n", "just words\n", "width: 4\n", ""])
def test_a_file_without_a_target_is_refused(here, text):
    write(here / "conf/model/empty.yaml", text)
    with pytest.raises(ConfigError, match="model"):
        validate(compose("train", ["model=empty"]).config, "train")


def test_your_own_network_is_checked(here):
    own_network(here)
    config = compose("train", ["model=blend"]).config
    validate(config, "train")
    with pytest.raises(ConfigError, match=r"model\.steps=two: must be an integer\. Try model\.steps=1\."):
        validate(compose("train", ["model=blend", "model.steps=two"]).config, "train")


def test_your_own_network_trains_and_is_evaluated(here, command, photos):
    """One new file and one new YAML, nothing else touched."""
    own_network(here)
    words = ["data=folder", f"data.root={photos}", "protocol.size=64", "protocol.hint_counts=[0,1]"]
    made = command("train", "model=blend", "debug=smoke", "logger=none", "trainer=cpu", *words)
    assert made.status == 0, made.err
    assert made.run.parent.name == "blend"
    again = command("evaluate", f"run={made.run}", "protocol.size=64", "protocol.hint_counts=[0,1]")
    assert again.status == 0, again.err


def test_your_own_network_trains_in_a_multirun(here, process, photos):
    own_network(here)
    made = process(
        here, "train", "-m", "model=blend", "debug=smoke", "data=folder", f"data.root={photos}", "logger=none",
        "trainer=cpu", "protocol.hint_counts=[0,1]",
    )  # fmt: skip
    assert made.status == 0, made.err
    assert list(here.glob("runs/multirun/*/*/checkpoints/best.ckpt"))


def test_a_broken_file_of_ones_own_does_not_hide_the_other_models(here, capsys):
    write(here / "conf/model/broken.yaml", "width: [8\n")
    write(here / "conf/model/empty.yaml", "width: 8\n")
    targets = find_targets()
    assert {"unet", "spreadnet"} <= targets.keys()
    assert not {"broken", "empty"} & targets.keys()
    said = capsys.readouterr().err
    assert "model=broken is left out: " in said
    assert "model=empty is left out: " in said
