"""Suggest a learning rate or a batch size, from short trials without the schedule, limits and checkpoints of a run."""

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
from chromahint.config.instantiate import instantiate_node
from chromahint.console import TextConsole
from chromahint.data.dataset import Batch
from chromahint.launch.launcher import compose_and_validate, preflight_check, run_label
from chromahint.runs.run import timestamp
from chromahint.training.lightning_module import ColorizationModule
from chromahint.training.precision import choose_precision
from chromahint.training.train import build_module, silence_library_warnings
from chromahint.visualization.curves import write_figure

LR_STEPS = 100
LR_BATCHES = 5
"""Number of batches that the steps cycle through."""
MIN_LR, MAX_LR = 1e-6, 1.0
DIVERGENCE_RATIO = 4.0
"""The trial ends when the loss exceeds its minimum by this factor."""
MAX_BATCH_SIZE = 1024
MIN_SPEEDUP = 1.05
"""A batch size is suggested over half of it if it makes training faster by this factor."""

StepFn = Callable[[Batch, int], float]
"""Takes a training step on a batch with a number, and returns the loss."""


def tune(option: str, overrides: Sequence[str]) -> int:
    """Suggest a value; returns the exit status.

    Args:
        option: `lr` or `batch-size`.
        overrides: Overrides of the training config.
    """
    silence_library_warnings()
    composed = compose_and_validate(overrides)
    preflight_check(composed.config)
    console = TextConsole()
    if option == "batch-size":
        return tune_batch_size(composed.config, console)
    figure = Path(composed.config["runs_dir"]).expanduser() / "tune" / f"{run_label(composed)}_{timestamp()}_lr.png"
    return tune_lr(composed.config, figure, console)


def tune_lr(config: Config, file: Path, console: Console) -> int:
    """Raise the learning rate at each step, and suggest the one at which the loss falls fastest.

    Args:
        config: Valid training config.
        file: Path of the figure to write.
        console: Where to print.

    Returns:
        Exit status.
    """
    step, set_lr = make_trial(config)
    # cycle through a few batches and divide each loss by its initial value, because losses differ more between batches
    # than a step improves them
    batches = list(itertools.islice(training_batches(config), LR_BATCHES))
    set_lr(0.0)
    initial = [step(batch, number) for number, batch in enumerate(batches)]
    rates = np.geomspace(MIN_LR, MAX_LR, LR_STEPS)
    losses: list[float] = []
    progress = track(rates, "trying learning rates", console=Console(stderr=True), transient=True)
    for lr, number in zip(progress, itertools.cycle(range(LR_BATCHES)), strict=False):
        set_lr(float(lr))
        losses.append(step(batches[number], number) / initial[number])
        if not np.isfinite(losses[-1]) or losses[-1] > DIVERGENCE_RATIO * min(losses):
            break
    suggested = steepest_descent_lr(rates[: len(losses)], losses)
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(rates[: len(losses)], losses, linewidth=0.6, alpha=0.5, label="loss")
    axes.plot(rates[: len(losses)], smooth(losses), label="smoothed")
    axes.axvline(suggested, color="black", linestyle=":", label=f"{suggested:.2g}")
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss / initial loss", title="Learning rate range test")
    axes.legend()
    console.print(f"the loss falls fastest at {suggested:.2g}: try optimizer.lr={suggested:.2g}")
    console.print(f"figure: {write_figure(figure, file)}")
    return 0


def steepest_descent_lr(rates: np.typing.NDArray[np.float64], losses: Sequence[float]) -> float:
    """Return the learning rate at which the smoothed loss falls fastest.

    Args:
        rates: Learning rate of each step, increasing.
        losses: Loss of each step.

    Raises:
        ValueError: There are too few losses, or they never fall.
    """
    finite = [loss for loss in losses if np.isfinite(loss)]
    curve = smooth(finite)
    # ignore what follows the minimum
    end = int(np.argmin(curve)) + 1 if finite else 0
    if end < 5:
        raise ValueError(
            "tune lr: the loss rises from the smallest learning rate on, so there is nothing to suggest. Check the "
            "data with `chromahint data check`."
        )
    # compare means over all batches, because the loss of a single batch may fall by chance
    half = min(LR_BATCHES, (end - 1) // 2)
    fall = curve[: end - 2 * half] - curve[2 * half : end]
    return float(rates[half + int(np.argmax(fall))])


def smooth(losses: Sequence[float]) -> np.typing.NDArray[np.float64]:
    """Return an exponential moving average over about ten steps, with bias correction."""
    decay, mean, curve = 0.9, 0.0, []
    for number, loss in enumerate(losses, start=1):
        mean = decay * mean + (1 - decay) * loss
        curve.append(mean / (1 - decay**number))
    return np.array(curve)


@dataclass(frozen=True)
class BatchSizeTrial:
    """Cost of a batch size.

    Attributes:
        batch_size: Images per step.
        speed: Images per second.
        memory: Peak memory in bytes, or None if it was not enough.
    """

    batch_size: int
    speed: float
    memory: int | None


def tune_batch_size(config: Config, console: Console) -> int:
    """Double the batch size until memory runs out or training gets no faster, and suggest a size.

    Returns:
        Exit status.

    Raises:
        ValueError: Not even one image fits into memory.
    """
    trials: list[BatchSizeTrial] = []
    with Console(stderr=True).status("") as status:
        for size in itertools.takewhile(lambda size: size <= MAX_BATCH_SIZE, (2**power for power in range(11))):
            status.update(f"trying {size} images per step")
            trials.append(try_batch_size({**config, "data": {**config["data"], "batch_size": size}}, size))
            if trials[-1].memory is None or has_converged(trials):
                break
            if not (on_gpu(config) or doubling_fits(trials)):
                break
    table = Table(title="one training step", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in ("data.batch_size", "images/s", "memory"):
        table.add_column(column, justify="right")
    for trial in trials:
        memory = "does not fit" if trial.memory is None else f"{trial.memory / 2**30:.1f} GiB"
        table.add_row(f"{trial.batch_size}", "" if trial.memory is None else f"{trial.speed:.1f}", memory)
    console.print(table)
    fitting = [trial for trial in trials if trial.memory is not None]
    if not fitting:
        raise ValueError(
            "tune batch-size: not even one image fits into memory. Try a smaller model.width or data.train_size."
        )
    best = suggest_batch_size(fitting)
    console.print(f"larger batches are not faster: try data.batch_size={best.batch_size}")
    return 0


def suggest_batch_size(fitting: Sequence[BatchSizeTrial]) -> BatchSizeTrial:
    """Return the smallest batch size that is nearly as fast as the fastest."""
    fastest = max(trial.speed for trial in fitting)
    return next(trial for trial in fitting if trial.speed * MIN_SPEEDUP >= fastest)


def has_converged(trials: Sequence[BatchSizeTrial]) -> bool:
    """Tell whether neither of the last two doublings made training noticeably faster."""
    return len(trials) > 2 and max(trial.speed for trial in trials[-2:]) < MIN_SPEEDUP * trials[-3].speed


def try_batch_size(config: Config, size: int) -> BatchSizeTrial:
    """Measure a few steps, after one that initializes what the others reuse."""
    gpu = on_gpu(config)
    try:
        step, _ = make_trial(config)
        batch = next(training_batches(config))
        if gpu:
            torch.cuda.reset_peak_memory_stats()
        step(batch, 0)
        started = time.perf_counter()
        for number in (1, 2):
            step(batch, number)  # returns the loss, which waits for the device
        seconds = time.perf_counter() - started
    except (torch.OutOfMemoryError, MemoryError):
        return BatchSizeTrial(size, 0.0, None)
    return BatchSizeTrial(size, 2 * size / seconds, torch.cuda.max_memory_allocated() if gpu else peak_rss())


def on_gpu(config: Config) -> bool:
    """Tell whether a run with this config would train on a GPU."""
    return torch.cuda.is_available() and config["trainer"]["accelerator"] != "cpu"


def peak_rss() -> int:
    """Return the peak memory of this process in bytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def doubling_fits(trials: Sequence[BatchSizeTrial]) -> bool:
    """Tell whether twice the last batch size fits into the free memory, judging by the last doubling."""
    previous = trials[-2].memory if len(trials) > 1 else None
    growth = (trials[-1].memory or 0) - (previous or trials[-1].memory or 0)
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 2 * growth < 0.8 * free


def training_batches(config: Config) -> Iterator[Batch]:
    """Yield training batches without end."""
    data = instantiate_node(config["data"])
    data.prepare_data()
    loader = data.train_dataloader()
    for epoch in itertools.count():
        loader.batch_sampler.sampler.set_epoch(epoch)
        yield from loader


def make_trial(config: Config) -> tuple[StepFn, Callable[[float], None]]:
    """Build a network for a trial; returns a function that takes a step, and one that sets the learning rate."""
    seed_everything(config["seed"], verbose=False)
    device = torch.device("cuda" if on_gpu(config) else "cpu")
    module: ColorizationModule = build_module(config).to(device)
    precision = choose_precision(config["trainer"]["precision"], on_gpu(config), module.network)
    module.train()
    optimizer = module.make_optimizer(module.network.named_parameters())
    factors = [group["lr"] / optimizer.param_groups[0]["lr"] for group in optimizer.param_groups]

    def set_lr(lr: float) -> None:
        for group, factor in zip(optimizer.param_groups, factors, strict=True):
            group["lr"] = lr * factor

    def step(batch: Batch, number: int) -> float:
        dtype = torch.float16 if precision == "16-mixed" else torch.bfloat16
        on_device = Batch(**{**batch, "rgb": batch["rgb"].to(device)})
        with torch.autocast(device.type, dtype, enabled=precision != "32-true"):
            loss = module.compute_loss(on_device, number)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        if config["trainer"]["gradient_clip_val"] is not None:
            torch.nn.utils.clip_grad_norm_(module.network.parameters(), config["trainer"]["gradient_clip_val"])
        optimizer.step()
        return float(loss.detach())

    return step, set_lr
