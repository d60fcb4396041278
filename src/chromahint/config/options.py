"""Options at the top of a config, next to the groups: their types, their ranges, and which commands take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from chromahint.ranges import BatchSize, HasTarget, ImageSize, Seed

Component = Annotated[dict[str, Any], HasTarget()]
"""A node that names what to build, such as the choice of a group."""


@dataclass
class TrainOptions:
    """Options of `chromahint train`; their comments are in conf/train.yaml."""

    model: Component
    data: Component
    hints: Component
    augment: Component
    loss: Component
    optimizer: Component
    lr_schedule: Component
    trainer: Component
    callbacks: dict[str, Component | None]
    logger: dict[str, Component | None]
    protocol: Component
    seed: Seed
    weights: str
    runs_dir: str
    name: str | None


@dataclass
class EvaluateOptions:
    """Options of `chromahint evaluate`; their comments are in conf/evaluate.yaml."""

    model: Component
    data: Component
    protocol: Component
    run: str | None
    weights: str | None
    input_size: ImageSize | None
    output: str | None
    split: Literal["train", "val", "test", "all"] | None
    batch_size: BatchSize
    device: str
    seed: Seed


@dataclass
class MultirunOptions:
    """Options of `chromahint train -m` that are not those of a run; their comments are in conf/multirun.yaml."""

    launcher: Component
