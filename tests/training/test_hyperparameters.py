"""Descriptions of parts, which checkpoints contain."""

from functools import partial

import pytest
from torch import nn

from chromahint.config.compose import compose
from chromahint.config.instantiate import instantiate_node
from chromahint.config.paths import list_groups
from chromahint.training.hyperparameters import build, describe_part

GROUPS = ("model", "loss", "hints", "augment", "protocol", "optimizer", "lr_schedule")


@pytest.mark.parametrize(("group", "name"), [(group, name) for group in GROUPS for name in list_groups()[group]])
def test_parts_of_the_config_are_described_as_their_nodes_and_rebuilt(group, name):
    node = compose("train", [f"{group}={name}"]).config[group]
    description = describe_part(instantiate_node(node))
    assert description == node
    assert describe_part(build(description)) == description


def test_objects_are_returned_unchanged():
    network = nn.Identity()
    assert build(network) is network


class Foreign(nn.Module):
    """A network that is not part of Chromahint."""


@pytest.mark.parametrize("part", [Foreign(), partial(print, end=""), nn.Linear(1, 1)])
def test_foreign_parts_are_named_but_not_built(part):
    description = describe_part(part)
    assert description["_target_"].rpartition(".")[2] in ("Foreign", "print", "Linear")
    with pytest.raises(ValueError, match=r"not part of Chromahint.* network=MyNetwork\(\)"):
        build(description)


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "chromahint.training.train.main",
        "chromahint.training.losses.torch",
        "chromahint.training.losses.ab_ssim",
        "chromahint.training.optimizers._trainable",
        "chromahint.training.optimizers.Adam",
        "chromahint.models.state_dict.load_weights",
        "chromahint.models.unet.Missing",
        "",
    ],
)
def test_only_classes_and_optimizers_of_chromahint_are_built(target):
    with pytest.raises(ValueError, match="not part of Chromahint"):
        build({"_target_": target})


def test_unknown_arguments_are_reported():
    with pytest.raises(ValueError, match=r"chromahint\.models\.unet\.UNet: .*depth"):
        build({"_target_": "chromahint.models.unet.UNet", "depth": 3})
