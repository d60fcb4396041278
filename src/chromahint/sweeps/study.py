"""The memory of a sweep: an Optuna study in a journal file or a database, and the slots that its trials fill.

A sweep of 12 trials has the slots 0 to 11. A trial that its worker never ended is lost, and its slot is filled by
another trial with the same values; the first trial of a slot that is not lost is the one that counts. So two workers
that put the same trial back leave one too many in the memory, and still run one.
"""

from __future__ import annotations

import functools
import hashlib
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock
from optuna.trial import FrozenTrial, Trial, TrialState

from chromahint.sweeps.search_space import Choice, Range
from chromahint.sweeps.sweep_config import Sweep

SLOT, ERROR, MINUTES, RUN = "slot", "error", "minutes", "run"
"""What a trial remembers beside its values: its slot, why it failed, what it took, and its run folder."""

STARTUP = 5
"""Trials that no other is given up against."""

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


class JournalLock(BaseJournalFileLock):
    """A lock on the journal that the system lets go of when its holder dies, however it dies."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lock = FileLock(f"{file}.lock", fallback_to_soft=False, thread_local=False)

    def acquire(self) -> bool:
        """Wait for the journal, and cut off the half line that a machine left which lost its power while writing."""
        self.lock.acquire()
        with self.file.open("r+b") as file:
            if file.seek(0, os.SEEK_END) and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n":
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
        return True

    def release(self) -> None:
        """Let others write."""
        self.lock.release()


class Grid(optuna.samplers.BaseSampler):
    """The combination that belongs to a trial's slot: no two workers can take the same."""

    def __init__(self, combinations: Sequence[Mapping[str, Any]]) -> None:
        self.combinations = combinations

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """None: each is looked up by itself."""
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """None: each is looked up by itself."""
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The value of the slot."""
        return self.combinations[trial.user_attrs[SLOT]][param_name]


def open_study(sweep: Sweep, folder: Path) -> optuna.Study:
    """Open the memory of a sweep, or begin it.

    Raises:
        ValueError: the database can't be opened.
    """
    begin = functools.partial(
        optuna.create_study,
        study_name=folder.name,
        direction="maximize",
        load_if_exists=True,
        pruner=_pruner(sweep),
    )
    if sweep.storage is None:
        return begin(storage=_journal(folder))
    import sqlalchemy.exc

    for pause in (1, 2, 4, 0):
        try:
            return begin(storage=_database(sweep.storage, sweep.heartbeat))
        except Exception as error:  # each database's driver has errors of its own
            failed = str(error).splitlines()[0]
            if isinstance(error, ImportError | sqlalchemy.exc.ArgumentError):
                break
        time.sleep(pause)  # workers that begin a sweep together are in each other's way while its tables are made
    raise ValueError(f"storage={sweep.storage}: cannot be opened: {failed}")


def sampler_of(sweep: Sweep, slot: int, seed: int) -> optuna.samplers.BaseSampler:
    """Make what chooses the values of a slot; what it draws follows from the sweep's seed and the slot alone."""
    words = f"{seed}/{slot}".encode()
    number = int.from_bytes(hashlib.blake2b(words, digest_size=4).digest(), "little")
    match sweep.sampler:
        case "grid":
            return Grid(sweep.grid())
        case "random":
            return optuna.samplers.RandomSampler(seed=number)
        case "gp":
            return optuna.samplers.GPSampler(seed=number)
        case _:
            # several workers choose before they know what became of each other's trials
            return optuna.samplers.TPESampler(seed=number, multivariate=True, constant_liar=True)


def suggest_values(trial: Trial, space: Mapping[str, Choice | Range]) -> dict[str, Any]:
    """Let the study choose a value for every parameter."""
    values: dict[str, Any] = {}
    for name, parameter in space.items():
        if isinstance(parameter, Choice):
            values[name] = trial.suggest_categorical(name, parameter.values() or [])
        elif parameter.whole:
            step = int(parameter.step or 1)
            values[name] = trial.suggest_int(
                name, int(parameter.low), int(parameter.high), step=step, log=parameter.log
            )
        else:
            values[name] = trial.suggest_float(
                name, parameter.low, parameter.high, step=parameter.step, log=parameter.log
            )
    return values


def slots(study: optuna.Study) -> dict[int, FrozenTrial]:
    """The trial of every slot: the first that is not lost, or the last where all of them are."""
    found: dict[int, FrozenTrial] = {}
    for trial in study.get_trials(deepcopy=False):
        slot = trial.user_attrs.get(SLOT)
        if slot is not None and (slot not in found or is_stale(found[slot])):
            found[slot] = trial
    return dict(sorted(found.items()))


def is_stale(trial: FrozenTrial) -> bool:
    """Whether a trial ended with its worker, and not by itself."""
    return trial.state == TrialState.FAIL and ERROR not in trial.user_attrs


def best_of(study: optuna.Study) -> FrozenTrial | None:
    """The finished trial with the highest value, if there is one."""
    try:
        return study.best_trial
    except ValueError:
        return None


def report_all(trial: Trial, values: Sequence[float]) -> None:
    """Tell the study the `val/psnr` of each validation so far, as far as it has not heard of them."""
    heard = trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values
    for step, value in enumerate(values, start=1):
        if step not in heard:
            trial.report(value, step)


def _journal(folder: Path) -> BaseStorage:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "journal.log"
    file.touch()
    return JournalStorage(JournalFileBackend(str(file), lock_obj=JournalLock(file)))


def _database(url: str, heartbeat: int) -> BaseStorage:
    waiting = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}
    return RDBStorage(url, engine_kwargs=waiting, heartbeat_interval=heartbeat, grace_period=3 * heartbeat)


def _pruner(sweep: Sweep) -> optuna.pruners.BasePruner:
    match sweep.pruner:
        case "median":
            return optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=1)
        case "halving":
            return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
        case _:
            return optuna.pruners.NopPruner()
