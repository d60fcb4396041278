"""Which trial a worker makes next, so that each is made once, whatever happens to the workers.

A worker holds the lock of its trial as long as it lives: where the sweep's memory is a file in a shared folder, a
running trial whose lock is free has lost its worker, at once and for certain. Workers that share a database alone give
signs of life there, and are given up after three that did not come.
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

from chromahint.sweeps.study import SLOT, is_stale, slots


def lock_of(folder: Path, number: int) -> FileLock:
    """The lock that the worker of a trial holds.

    Args:
        folder: of the sweep.
        number: of the trial.
    """
    return FileLock(
        folder / "locks" / f"{number}.lock", timeout=0, fallback_to_soft=False, is_singleton=False, thread_local=False
    )


class TrialQueue:
    """What one worker takes from the sweep's memory.

    Args:
        study: the memory.
        folder: of the sweep.
        sampler_of: slot -> what chooses its values.
        may_begin: whether a further slot may be opened, given the trials of those that are.
    """

    def __init__(
        self,
        study: optuna.Study,
        folder: Path,
        sampler_of: Callable[[int], optuna.samplers.BaseSampler],
        may_begin: Callable[[dict[int, FrozenTrial]], bool],
    ) -> None:
        self.study = study
        self.storage = study._storage
        self.folder = folder
        self.sampler_of = sampler_of
        self.may_begin = may_begin
        (folder / "locks").mkdir(parents=True, exist_ok=True)

    def alone(self) -> FileLock:
        """The lock of the whole sweep, for moments."""
        return FileLock(self.folder / "locks" / "sweep.lock", fallback_to_soft=False, is_singleton=False)

    @contextlib.contextmanager
    def next(self) -> Iterator[Trial | None]:
        """Hold the next trial until the end of the block; None where all are taken.

        A trial that has not ended by then is lost, and will be made again.
        """
        with contextlib.ExitStack() as stack:
            with self.alone():
                trial = self._claim(stack)
            try:
                yield trial
            finally:
                if trial is not None:
                    self._release(trial)

    def remaining(self) -> bool:
        """Whether there are trials that may yet have to be made: other workers are at them, or have just lost them."""
        return any(is_stale(trial) or not trial.state.is_finished() for trial in slots(self.study).values())

    def _claim(self, stack: contextlib.ExitStack) -> Trial | None:
        self._find_lost()
        known = slots(self.study)
        for slot, trial in known.items():
            if is_stale(trial):
                # what it was to take, where it was lost before it took that
                self._enqueue(slot, trial.system_attrs.get("fixed_params", {}) | trial.params)
        if all(
            trial.state != TrialState.WAITING and not is_stale(trial) for trial in known.values()
        ) and self.may_begin(known):
            self._enqueue(len(known), {})
        for slot, trial in slots(self.study).items():
            if trial.state == TrialState.WAITING and self._heartbeat(trial, stack):
                self.study.sampler = self.sampler_of(slot)
                return Trial(self.study, trial._trial_id)
        return None

    def _enqueue(self, slot: int, values: dict[str, Any]) -> None:
        self.study.enqueue_trial(values, user_attrs={SLOT: slot})

    def _heartbeat(self, trial: FrozenTrial, stack: contextlib.ExitStack) -> bool:
        """Take a trial that waits, unless another worker is quicker."""
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(lock_of(self.folder, trial.number))
                # the first sign of life comes before the trial runs: without any it could never be given up
                thread = get_heartbeat_thread(trial._trial_id, self.storage)
                thread.start()
                held.callback(thread.join)
                if not self.storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING):
                    return False
            except (Timeout, UpdateFinishedTrialError):
                return False
            stack.push(held.pop_all())
        return True

    def _find_lost(self) -> None:
        if is_heartbeat_enabled(self.storage):
            optuna.storages.fail_stale_trials(self.study)
            return
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            with contextlib.suppress(Timeout), lock_of(self.folder, trial.number):
                self._fail(trial._trial_id)

    def _release(self, trial: Trial) -> None:
        if self.storage.get_trial(trial._trial_id).state == TrialState.RUNNING:
            self._fail(trial._trial_id)

    def _fail(self, trial_id: int) -> None:
        with contextlib.suppress(UpdateFinishedTrialError):
            self.storage.set_trial_state_values(trial_id, TrialState.FAIL)
