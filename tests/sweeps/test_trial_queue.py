"""Each trial runs exactly once, even if workers join, leave or die."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest
from optuna.trial import TrialState

from chromahint.sweeps.study import SLOT_ATTR, is_stale, open_study, trials_by_slot
from chromahint.sweeps.sweep_config import read_sweep
from chromahint.sweeps.trial_queue import TrialQueue, trial_lock


@pytest.fixture(params=["file", "database"])
def worker(request, tmp_path):
    """`worker()` creates another worker of the same sweep, with its own connection."""
    storage = [] if request.param == "file" else [f"storage=sqlite:///{tmp_path / 'sweep.db'}", "heartbeat=1"]
    sweep = read_sweep("spreadnet", storage)

    def make(max_trials=3):
        study = open_study(sweep, tmp_path / "sweep")
        return TrialQueue(
            study,
            tmp_path / "sweep",
            lambda slot: optuna.samplers.RandomSampler(seed=slot),
            lambda known: len(known) < max_trials,
        )

    return make


def run_all(worker, ran, pause=0.0):
    while True:
        with worker.next_trial() as trial:
            if trial is None:
                return
            ran.append(trial.user_attrs[SLOT_ATTR])
            trial.suggest_float("x", 0, 1)
            time.sleep(pause)
            worker.study.tell(trial, 1.0)


def test_single_worker_runs_trials_in_order(worker):
    ran = []
    run_all(worker(), ran)
    assert ran == [0, 1, 2]
    run_all(worker(), ran)
    assert ran == [0, 1, 2]


def test_several_workers_run_each_trial_once(worker):
    ran = []
    workers = [worker(max_trials=20) for _ in range(4)]
    threads = [threading.Thread(target=run_all, args=(each, ran, 0.01)) for each in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ran) == list(range(20))
    trials = trials_by_slot(workers[0].study)
    assert list(trials) == list(range(20))
    assert {trial.state for trial in trials.values()} == {TrialState.COMPLETE}


@pytest.mark.slow
def test_live_worker_keeps_its_trial(worker):
    with worker(max_trials=1).next_trial() as trial:
        assert trial is not None
        time.sleep(4)  # longer than the grace period of heartbeats
        other = worker(max_trials=1)
        with other.next_trial() as none:
            assert none is None
        assert other.has_unfinished()


def test_interrupted_trial_is_repeated_with_the_same_values(worker):
    first = worker()
    with contextlib.suppress(KeyboardInterrupt), first.next_trial() as trial:
        value = trial.suggest_float("x", 0, 1)
        raise KeyboardInterrupt
    with worker().next_trial() as again:
        assert again.user_attrs[SLOT_ATTR] == 0
        assert again.number != trial.number
        assert again.suggest_float("x", 0, 1) == value
        first.study.tell(again, 1.0)
    assert [t.state for t in trials_by_slot(first.study).values()] == [TrialState.COMPLETE]
    assert is_stale(first.study.trials[0])


def abandon_trial(worker, number=0):
    """Leave a running trial behind, as a killed process does: its lock is free, and its heartbeats have stopped."""
    study = worker.study
    study.enqueue_trial({"x": 0.25}, user_attrs={SLOT_ATTR: number})
    [trial] = study.get_trials(states=(TrialState.WAITING,))
    if hasattr(worker.storage, "record_heartbeat"):
        worker.storage.record_heartbeat(trial._trial_id)
    worker.storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
    return trial.number


def test_trial_of_dead_worker_is_repeated_by_another(worker):
    abandon_trial(worker())
    heir, ran = worker(), []
    for _ in range(100):
        run_all(heir, ran)
        if not heir.has_unfinished():
            break
        time.sleep(0.1)
    assert sorted(ran) == [0, 1, 2]
    assert trials_by_slot(heir.study)[0].params["x"] == 0.25


def test_failed_trial_is_not_repeated(worker):
    queue, ran = worker(), []
    with queue.next_trial() as trial:
        trial.set_user_attr("error", "too large")
        queue.study.tell(trial, state=TrialState.FAIL)
    run_all(queue, ran)
    assert ran == [1, 2]


def test_duplicate_replacement_never_runs(worker):
    queue, ran = worker(max_trials=1), []
    with contextlib.suppress(KeyboardInterrupt), queue.next_trial():
        raise KeyboardInterrupt
    for _ in range(2):  # as two workers without a common lock would
        queue.study.enqueue_trial({}, user_attrs={SLOT_ATTR: 0})
    run_all(queue, ran)
    assert ran == [0]
    assert not queue.has_unfinished()


def test_locked_trial_is_skipped(worker, tmp_path):
    queue = worker(max_trials=1)
    queue.study.enqueue_trial({}, user_attrs={SLOT_ATTR: 0})
    with trial_lock(tmp_path / "sweep", 0), queue.next_trial() as trial:
        assert trial is None
    with queue.next_trial() as trial:
        assert trial is not None


@pytest.mark.parametrize("worker", ["file"], indirect=True)
def test_incomplete_last_journal_line_is_ignored(worker, tmp_path):
    ran = []
    run_all(worker(max_trials=1), ran)
    with (tmp_path / "sweep/journal.log").open("ab") as journal:
        journal.write(b'{"op_code":5,"trial_')
    run_all(worker(max_trials=3), ran)
    assert ran == [0, 1, 2]
    assert len(trials_by_slot(worker().study)) == 3


@pytest.mark.parametrize("worker", ["database"], indirect=True)
def test_workers_create_a_database_concurrently(worker):
    with ThreadPoolExecutor(3) as pool:
        workers = [each.result() for each in [pool.submit(worker) for _ in range(3)]]
    assert len({each.study.study_name for each in workers}) == 1
