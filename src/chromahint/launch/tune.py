"""The command `chromahint train tune=lr|batch`: short trials that suggest a learning rate or a batch size.

They train a copy that is thrown away, without the schedule, the limits and the checkpoints of a run.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning.pytorch import seed_everything
from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from chromahint.config.compose import Config
from chromahint.config.errors import ConfigError
from chromahint.config.instantiate import instantiate_node
from chromahint.config.overrides import parse_override
from chromahint.data.dataset import Batch
from chromahint.launch.launcher import compose_and_validate, preflight_check, run_label
from chromahint.runs.run import timestamp
from chromahint.training.lightning_module import ColorizationModule
from chromahint.training.train import build_module, silence_library_warnings
from chromahint.training.trainer import choose_precision
from chromahint.visualization.curves import write_figure

STEPS, BATCHES = 100, 5
LOWEST, HIGHEST = 1e-6, 1.0
MAX_BATCH_SIZE = 1024
DIVERGENCE_RATIO = 4.0
"""Times the lowest loss: no higher learning rate is of use."""
MIN_SPEEDUP = 1.05
"""A batch that is twice as large should be so many times faster a picture, where memory does not decide."""

Step = Callable[[Batch, int], float]
"""One step on a batch with its number; gives the loss."""


def main(overrides: Sequence[str]) -> int:
    """Try, and say what to type; returns the exit status."""
    silence_library_warnings()
    typed = {word: parse_override(word) for word in overrides}
    [kind] = [str(o.value()) for o in typed.values() if o.get_key_element() == "tune"][-1:]
    if kind not in ("lr", "batch"):
        raise ConfigError(f"tune={kind}: tune is lr, for a learning rate, or batch, for a batch size")
    composed = compose_and_validate([word for word, override in typed.items() if override.get_key_element() != "tune"])
    preflight_check(composed.config)
    console = Console(soft_wrap=True, highlight=False)
    if kind == "batch":
        return tune_batch(composed.config, console)
    picture = Path(composed.config["runs_dir"]).expanduser() / "tune" / f"{run_label(composed)}_{timestamp()}_lr.png"
    return tune_lr(composed.config, picture, console)


def tune_lr(config: Config, picture: Path, console: Console) -> int:
    """Raise the learning rate from step to step, and suggest the one at which the loss falls fastest."""
    step, rate = make_trial(config)
    # the same few batches again and again, each against its own loss at the start: one batch differs from another by
    # more than a step improves
    chosen = list(itertools.islice(training_batches(config), BATCHES))
    rate(0.0)
    start = [step(batch, number) for number, batch in enumerate(chosen)]
    rates = np.geomspace(LOWEST, HIGHEST, STEPS)
    losses: list[float] = []
    rounds = track(rates, "trying learning rates", console=Console(stderr=True), transient=True)
    for lr, number in zip(rounds, itertools.cycle(range(BATCHES)), strict=False):
        rate(float(lr))
        losses.append(step(chosen[number], number) / start[number])
        if not np.isfinite(losses[-1]) or losses[-1] > DIVERGENCE_RATIO * min(losses):
            break
    suggested = steepest_descent_lr(rates[: len(losses)], losses)
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(rates[: len(losses)], losses, linewidth=0.6, alpha=0.5, label="loss")
    axes.plot(rates[: len(losses)], smooth(losses), label="smoothed")
    axes.axvline(suggested, color="black", linestyle=":", label=f"{suggested:.2g}")
    axes.set(
        xscale="log", xlabel="learning rate", ylabel="loss / loss at the start", title="while the learning rate rises"
    )
    axes.legend()
    console.print(f"the loss falls fastest at {suggested:.2g}: type optimizer.lr={suggested:.2g}")
    console.print(f"picture: {write_figure(figure, picture)}")
    return 0


def steepest_descent_lr(rates: np.typing.NDArray[np.float64], losses: Sequence[float]) -> float:
    """The learning rate at which the smoothed loss falls fastest.

    Raises:
        ValueError: there are too few losses, or they never fall.
    """
    finite = [loss for loss in losses if np.isfinite(loss)]
    curve = smooth(finite)
    # what comes behind the lowest point is on its way up
    lowest = int(np.argmin(curve)) + 1 if finite else 0
    if lowest < 5:
        raise ValueError(
            "the loss rises from the smallest learning rate on: there is nothing to suggest; look at the data"
        )
    # over all batches before and after: one of them alone may fall by chance
    around = min(BATCHES, (lowest - 1) // 2)
    fall = curve[: lowest - 2 * around] - curve[2 * around : lowest]
    return float(rates[around + int(np.argmax(fall))])


def smooth(losses: Sequence[float]) -> np.typing.NDArray[np.float64]:
    """Exponential mean over about ten steps, corrected for its start."""
    keep, mean, curve = 0.9, 0.0, []
    for number, loss in enumerate(losses, start=1):
        mean = keep * mean + (1 - keep) * loss
        curve.append(mean / (1 - keep**number))
    return np.array(curve)


@dataclass(frozen=True)
class BatchSizeTrial:
    """What a batch size costs: pictures a second, and bytes of memory, or None where it did not fit."""

    pictures: int
    speed: float
    memory: int | None


def tune_batch(config: Config, console: Console) -> int:
    """Double the batch until memory or speed say enough, and suggest a size."""
    tried: list[BatchSizeTrial] = []
    with Console(stderr=True).status("") as status:
        for size in itertools.takewhile(lambda size: size <= MAX_BATCH_SIZE, (2**power for power in range(11))):
            status.update(f"trying {size} pictures a step")
            tried.append(try_batch_size({**config, "data": {**config["data"], "batch_size": size}}, size))
            if tried[-1].memory is None or has_converged(tried):
                break
            if not (on_gpu(config) or fits_twice(tried)):
                break
    table = Table(title="one training step", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in ("data.batch_size", "pictures/s", "memory"):
        table.add_column(column, justify="right")
    for size in tried:
        memory = "does not fit" if size.memory is None else f"{size.memory / 2**30:.1f} GiB"
        table.add_row(f"{size.pictures}", "" if size.memory is None else f"{size.speed:.1f}", memory)
    console.print(table)
    fitting = [size for size in tried if size.memory is not None]
    if not fitting:
        raise ValueError("not even one picture fits into memory; type a smaller model.width or data.train_size")
    best = suggest_batch_size(fitting)
    console.print(f"no larger batch is worth it: type data.batch_size={best.pictures}")
    return 0


def suggest_batch_size(fitting: Sequence[BatchSizeTrial]) -> BatchSizeTrial:
    """The smallest of the sizes that are nearly as fast a picture as the fastest."""
    fastest = max(size.speed for size in fitting)
    return next(size for size in fitting if size.speed * MIN_SPEEDUP >= fastest)


def has_converged(tried: Sequence[BatchSizeTrial]) -> bool:
    """Whether the last two doublings made no picture faster worth speaking of."""
    return len(tried) > 2 and max(size.speed for size in tried[-2:]) < MIN_SPEEDUP * tried[-3].speed


def try_batch_size(config: Config, size: int) -> BatchSizeTrial:
    """Time a few steps, the first of which makes what the others find."""
    gpu = on_gpu(config)
    try:
        step, _ = make_trial(config)
        batch = next(training_batches(config))
        if gpu:
            torch.cuda.reset_peak_memory_stats()
        step(batch, 0)
        began = time.perf_counter()
        for number in (1, 2):
            step(batch, number)  # reading its loss waits for the device
        took = time.perf_counter() - began
    except (torch.OutOfMemoryError, MemoryError):
        return BatchSizeTrial(size, 0.0, None)
    return BatchSizeTrial(size, 2 * size / took, torch.cuda.max_memory_allocated() if gpu else peak_rss())


def on_gpu(config: Config) -> bool:
    """Whether a run of this config would train on a GPU."""
    return torch.cuda.is_available() and config["trainer"]["accelerator"] != "cpu"


def peak_rss() -> int:
    """The most memory that this process has had, in bytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def fits_twice(tried: Sequence[BatchSizeTrial]) -> bool:
    """Whether a processor's free memory takes a batch twice as large, judged by the last doubling."""
    before = tried[-2].memory if len(tried) > 1 else None
    grown = (tried[-1].memory or 0) - (before or tried[-1].memory or 0)
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 2 * grown < 0.8 * free


def training_batches(config: Config) -> Iterator[Batch]:
    """Training batches without an end."""
    data = instantiate_node(config["data"])
    data.prepare_data()
    loader = data.train_dataloader()
    for epoch in itertools.count():
        loader.batch_sampler.sampler.set_epoch(epoch)
        yield from loader


def make_trial(config: Config) -> tuple[Step, Callable[[float], None]]:
    """A network to train and throw away: a function that makes a step, and one that sets the learning rate."""
    seed_everything(config["seed"], verbose=False)
    device = torch.device("cuda" if on_gpu(config) else "cpu")
    task: ColorizationModule = build_module(config).to(device)
    precision = choose_precision(config["trainer"]["precision"], on_gpu(config), task.network)
    task.train()
    optimizer = task.make_optimizer(task.network.named_parameters())
    shares = [group["lr"] / optimizer.param_groups[0]["lr"] for group in optimizer.param_groups]

    def rate(lr: float) -> None:
        for group, share in zip(optimizer.param_groups, shares, strict=True):
            group["lr"] = lr * share

    def step(batch: Batch, number: int) -> float:
        dtype = torch.float16 if precision == "16-mixed" else torch.bfloat16
        moved = Batch(**{**batch, "rgb": batch["rgb"].to(device)})
        with torch.autocast(device.type, dtype, enabled=precision != "32-true"):
            loss = task.compute_loss(moved, number)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        if config["trainer"]["gradient_clip_val"] is not None:
            torch.nn.utils.clip_grad_norm_(task.network.parameters(), config["trainer"]["gradient_clip_val"])
        optimizer.step()
        return float(loss.detach())

    return step, rate
