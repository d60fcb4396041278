"""The study of a sweep: an Optuna study in a journal file or a database, and the slots that its trials fill.

A sweep of 12 trials has slots 0 to 11. A trial whose worker died is stale, and another trial with the same values
takes over its slot; the first trial of a slot that is not stale counts. If two workers enqueue the same replacement,
the study holds one trial too many, but only one of them runs.
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

from chromahint.sweeps.search_space import CategoricalParameter, SearchParameter
from chromahint.sweeps.sweep_config import SweepConfig

SLOT_ATTR, ERROR_ATTR, MINUTES_ATTR, RUN_ATTR = "slot", "error", "minutes", "run"
"""User attributes of a trial: its slot, error message, duration in minutes, and run folder."""

PRUNER_STARTUP_TRIALS = 5
"""The median pruner prunes no trial before this many have finished."""

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


class JournalLock(BaseJournalFileLock):
    """Lock on the journal file that the operating system releases when its holder dies, however it dies."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lock = FileLock(f"{file}.lock", fallback_to_soft=False, thread_local=False)

    def acquire(self) -> bool:
        """Wait for the lock, and truncate an incomplete last line, such as a power failure during a write leaves."""
        self.lock.acquire()
        with self.file.open("r+b") as file:
            if file.seek(0, os.SEEK_END) and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n":
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
        return True

    def release(self) -> None:
        """Release the lock."""
        self.lock.release()


class SlotGridSampler(optuna.samplers.BaseSampler):
    """Grid sampler that looks up the combination of a trial's slot, so that no two workers take the same one."""

    def __init__(self, combinations: Sequence[Mapping[str, Any]]) -> None:
        self.combinations = combinations

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return an empty space: each parameter is sampled independently."""
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return no values: each parameter is sampled independently."""
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return the value of the trial's slot."""
        return self.combinations[trial.user_attrs[SLOT_ATTR]][param_name]


def open_study(sweep: SweepConfig, folder: Path) -> optuna.Study:
    """Load the study of a sweep, or create it.

    Raises:
        ValueError: the database can't be opened.
    """
    create_study = functools.partial(
        optuna.create_study,
        study_name=folder.name,
        direction="maximize" if sweep.metric.higher_is_better else "minimize",
        load_if_exists=True,
        pruner=_create_pruner(sweep),
    )
    if sweep.storage is None:
        return create_study(storage=_journal_storage(folder))
    import sqlalchemy.exc

    for pause in (1, 2, 4, 0):
        try:
            return create_study(storage=_database_storage(sweep.storage, sweep.heartbeat))
        except Exception as error:  # each database driver has its own errors
            reason = str(error).splitlines()[0]
            if isinstance(error, ImportError | sqlalchemy.exc.ArgumentError):
                break
        time.sleep(pause)  # workers that start a sweep together compete for creating its tables
    raise ValueError(f"storage={sweep.storage}: cannot be opened: {reason}. Try storage=sqlite:///sweep.db.")


def create_sampler(sweep: SweepConfig, slot: int, seed: int) -> optuna.samplers.BaseSampler:
    """Create the sampler of a slot; its random numbers depend on the seed of the sweep and the slot only."""
    text = f"{seed}/{slot}".encode()
    slot_seed = int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "little")
    match sweep.sampler:
        case "grid":
            return SlotGridSampler(sweep.grid_combinations())
        case "random":
            return optuna.samplers.RandomSampler(seed=slot_seed)
        case "gp":
            return optuna.samplers.GPSampler(seed=slot_seed)
        case _:
            # workers sample before they know the results of each other's trials
            return optuna.samplers.TPESampler(seed=slot_seed, multivariate=True, constant_liar=True)


def suggest_values(trial: Trial, space: Mapping[str, SearchParameter]) -> dict[str, Any]:
    """Let the study suggest a value for every parameter."""
    values: dict[str, Any] = {}
    for name, parameter in space.items():
        if isinstance(parameter, CategoricalParameter):
            values[name] = trial.suggest_categorical(name, parameter.values() or [])
        elif parameter.is_integer:
            step = int(parameter.step or 1)
            values[name] = trial.suggest_int(
                name, int(parameter.low), int(parameter.high), step=step, log=parameter.log
            )
        else:
            values[name] = trial.suggest_float(
                name, parameter.low, parameter.high, step=parameter.step, log=parameter.log
            )
    return values


def trials_by_slot(study: optuna.Study) -> dict[int, FrozenTrial]:
    """Return the trial of every slot: the first that is not stale, or the last if all are stale."""
    trials: dict[int, FrozenTrial] = {}
    for trial in study.get_trials(deepcopy=False):
        slot = trial.user_attrs.get(SLOT_ATTR)
        if slot is not None and (slot not in trials or is_stale(trials[slot])):
            trials[slot] = trial
    return dict(sorted(trials.items()))


def is_stale(trial: FrozenTrial) -> bool:
    """Whether a trial was ended by the loss of its worker, as opposed to an error of its own."""
    return trial.state == TrialState.FAIL and ERROR_ATTR not in trial.user_attrs


def best_finished_trial(study: optuna.Study) -> FrozenTrial | None:
    """Return the finished trial with the best value, or None."""
    try:
        return study.best_trial
    except ValueError:
        return None


def report_scores(trial: Trial, scores: Sequence[float]) -> None:
    """Report the objective of each validation so far, except those that the study has already."""
    reported = trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values
    for step, score in enumerate(scores, start=1):
        if step not in reported:
            trial.report(score, step)


def _journal_storage(folder: Path) -> BaseStorage:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "journal.log"
    file.touch()
    return JournalStorage(JournalFileBackend(str(file), lock_obj=JournalLock(file)))


def _database_storage(url: str, heartbeat: int) -> BaseStorage:
    engine_kwargs = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}
    return RDBStorage(url, engine_kwargs=engine_kwargs, heartbeat_interval=heartbeat, grace_period=3 * heartbeat)


def _create_pruner(sweep: SweepConfig) -> optuna.pruners.BasePruner:
    match sweep.pruner:
        case "median":
            return optuna.pruners.MedianPruner(n_startup_trials=PRUNER_STARTUP_TRIALS, n_warmup_steps=1)
        case "halving":
            return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
        case _:
            return optuna.pruners.NopPruner()
