"""Building the objects that a checked config names."""

import pytest

from chromahint.config.errors import ConfigError
from chromahint.config.instantiate import instantiate_node


def test_builds_a_class_with_plain_python():
    protocol = instantiate_node(
        {"_target_": "chromahint.evaluation.protocols.random_pixels.RandomPixels", "hint_counts": [0, 2], "size": 32}
    )
    assert type(protocol.hint_counts) is list
    assert (protocol.hint_counts, protocol.size, protocol.seed) == ([0, 2], 32, 0)


def test_partial_takes_the_remaining_arguments():
    from torch import nn

    make = instantiate_node(
        {"_target_": "chromahint.training.optimizers.sgd", "_partial_": True, "lr": 0.5, "momentum": 0.0}
    )
    assert make(nn.Linear(1, 1).named_parameters()).param_groups[0]["lr"] == 0.5


def test_nested_targets_are_built():
    sampler = instantiate_node(
        {
            "_target_": "chromahint.hints.samplers.Mixture",
            "samplers": [
                {
                    "_target_": "chromahint.hints.samplers.LogUniformPixels",
                    "low": 0.1,
                    "high": 0.2,
                    "no_hint_probability": 0.0,
                }
            ],
            "weights": [1],
        }
    )
    assert type(sampler).__name__ == "Mixture"


def test_a_value_error_keeps_its_message():
    with pytest.raises(ConfigError) as caught:
        instantiate_node(
            {"_target_": "chromahint.evaluation.protocols.random_pixels.RandomPixels", "hint_counts": [5, 1]}
        )
    assert str(caught.value).startswith("protocol.hint_counts=[5, 1]")


def test_an_argument_out_of_range_keeps_its_message():
    with pytest.raises(ConfigError, match="loss.delta=-1"):
        instantiate_node({"_target_": "chromahint.training.losses.Huber", "delta": -1.0})


def test_other_errors_are_not_hidden():
    with pytest.raises(Exception, match="RandomPixels") as caught:
        instantiate_node({"_target_": "chromahint.evaluation.protocols.random_pixels.RandomPixels", "color": 3})
    assert not isinstance(caught.value, ConfigError)
