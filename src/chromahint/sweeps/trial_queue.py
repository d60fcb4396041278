"""Queue from which workers take trials, so that each trial runs exactly once even if workers die.

A worker holds the lock of its trial for as long as it lives. If the study is a file in a shared folder, a running trial
whose lock is free has certainly lost its worker, and is detected at once. Workers that share only a database send
heartbeats there, and are considered dead after three missed ones.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages._heartbeat import get_heartbeat_thread, is_heartbeat_enabled
from optuna.trial import FrozenTrial, Trial, TrialState

from chromahint.sweeps.study import SLOT_ATTR, is_stale, trials_by_slot


def trial_lock(folder: Path, number: int) -> FileLock:
    """Return the lock that the worker of a trial holds.

    Args:
        folder: folder of the sweep.
        number: number of the trial.
    """
    return FileLock(
        folder / "locks" / f"{number}.lock", timeout=0, fallback_to_soft=False, is_singleton=False, thread_local=False
    )


class TrialQueue:
    """A worker's view of the trials of a study.

    Args:
        study: the study.
        folder: folder of the sweep.
        create_sampler: slot -> sampler of its values.
        may_start: whether another slot may be opened, given the trials of the open ones.
    """

    def __init__(
        self,
        study: optuna.Study,
        folder: Path,
        create_sampler: Callable[[int], optuna.samplers.BaseSampler],
        may_start: Callable[[dict[int, FrozenTrial]], bool],
    ) -> None:
        self.study = study
        self.storage = study._storage
        self.folder = folder
        self.create_sampler = create_sampler
        self.may_start = may_start
        (folder / "locks").mkdir(parents=True, exist_ok=True)

    def sweep_lock(self) -> FileLock:
        """Return the lock of the whole sweep, to be held briefly."""
        return FileLock(self.folder / "locks" / "sweep.lock", fallback_to_soft=False, is_singleton=False)

    @contextlib.contextmanager
    def next_trial(self) -> Iterator[Trial | None]:
        """Hold the next trial until the end of the block; None if all trials are taken.

        A trial that is still running at the end of the block is failed as stale, and repeated later.
        """
        with contextlib.ExitStack() as stack:
            with self.sweep_lock():
                trial = self._claim(stack)
            try:
                yield trial
            finally:
                if trial is not None:
                    self._release(trial)

    def has_unfinished(self) -> bool:
        """Whether any trial may still need a worker: it is running elsewhere, or has just lost its worker."""
        return any(is_stale(trial) or not trial.state.is_finished() for trial in trials_by_slot(self.study).values())

    def _claim(self, stack: contextlib.ExitStack) -> Trial | None:
        self._fail_lost_trials()
        known = trials_by_slot(self.study)
        for slot, trial in known.items():
            if is_stale(trial):
                # values that were enqueued but not yet suggested count, too
                self._enqueue(slot, trial.system_attrs.get("fixed_params", {}) | trial.params)
        none_waiting = all(trial.state != TrialState.WAITING and not is_stale(trial) for trial in known.values())
        if none_waiting and self.may_start(known):
            self._enqueue(len(known), {})
        for slot, trial in trials_by_slot(self.study).items():
            if trial.state == TrialState.WAITING and self._start(trial, stack):
                self.study.sampler = self.create_sampler(slot)
                return Trial(self.study, trial._trial_id)
        return None

    def _enqueue(self, slot: int, values: dict[str, Any]) -> None:
        self.study.enqueue_trial(values, user_attrs={SLOT_ATTR: slot})

    def _start(self, trial: FrozenTrial, stack: contextlib.ExitStack) -> bool:
        """Set a waiting trial to running, unless another worker is faster."""
        with contextlib.ExitStack() as resources:
            try:
                resources.enter_context(trial_lock(self.folder, trial.number))
                # send a heartbeat before the trial runs: without any, it would never be considered stale
                thread = get_heartbeat_thread(trial._trial_id, self.storage)
                thread.start()
                resources.callback(thread.join)
                if not self.storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING):
                    return False
            except (Timeout, UpdateFinishedTrialError):
                return False
            stack.push(resources.pop_all())
        return True

    def _fail_lost_trials(self) -> None:
        if is_heartbeat_enabled(self.storage):
            optuna.storages.fail_stale_trials(self.study)
            return
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            with contextlib.suppress(Timeout), trial_lock(self.folder, trial.number):
                self._fail(trial._trial_id)

    def _release(self, trial: Trial) -> None:
        if self.storage.get_trial(trial._trial_id).state == TrialState.RUNNING:
            self._fail(trial._trial_id)

    def _fail(self, trial_id: int) -> None:
        with contextlib.suppress(UpdateFinishedTrialError):
            self.storage.set_trial_state_values(trial_id, TrialState.FAIL)
