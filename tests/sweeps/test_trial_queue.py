"""Each trial is made once and none is forgotten, whoever comes, goes, or dies."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest
from optuna.trial import TrialState

from chromahint.sweeps.study import SLOT, is_stale, open_study, slots
from chromahint.sweeps.sweep_config import read_sweep
from chromahint.sweeps.trial_queue import TrialQueue, lock_of


@pytest.fixture(params=["file", "database"])
def worker(request, tmp_path):
    """`worker()` gives another worker of one sweep, with a connection of its own."""
    storage = [] if request.param == "file" else [f"storage=sqlite:///{tmp_path / 'sweep.db'}", "heartbeat=1"]
    sweep = read_sweep("spreadnet", storage)

    def make(most=3):
        study = open_study(sweep, tmp_path / "sweep")
        return TrialQueue(
            study,
            tmp_path / "sweep",
            lambda slot: optuna.samplers.RandomSampler(seed=slot),
            lambda known: len(known) < most,
        )

    return make


def make_all(worker, made, pause=0.0):
    while True:
        with worker.next() as trial:
            if trial is None:
                return
            made.append(trial.user_attrs[SLOT])
            trial.suggest_float("x", 0, 1)
            time.sleep(pause)
            worker.study.tell(trial, 1.0)


def test_one_worker_makes_them_one_after_the_other(worker):
    made = []
    make_all(worker(), made)
    assert made == [0, 1, 2]
    make_all(worker(), made)
    assert made == [0, 1, 2]


def test_many_workers_make_each_once_and_no_more(worker):
    made = []
    workers = [worker(most=20) for _ in range(4)]
    threads = [threading.Thread(target=make_all, args=(each, made, 0.01)) for each in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == list(range(20))
    trials = slots(workers[0].study)
    assert list(trials) == list(range(20))
    assert {trial.state for trial in trials.values()} == {TrialState.COMPLETE}


def test_a_living_worker_keeps_its_trial(worker):
    with worker(most=1).next() as trial:
        assert trial is not None
        time.sleep(4)  # longer than it takes to give up on one that shows no sign of life
        other = worker(most=1)
        with other.next() as none:
            assert none is None
        assert other.left()


def test_a_trial_that_was_left_is_made_again_with_the_same_values(worker):
    first = worker()
    with contextlib.suppress(KeyboardInterrupt), first.next() as trial:
        value = trial.suggest_float("x", 0, 1)
        raise KeyboardInterrupt
    with worker().next() as again:
        assert again.user_attrs[SLOT] == 0
        assert again.number != trial.number
        assert again.suggest_float("x", 0, 1) == value
        first.study.tell(again, 1.0)
    assert [t.state for t in slots(first.study).values()] == [TrialState.COMPLETE]
    assert is_stale(first.study.trials[0])


def die_with_a_trial(worker, number=0):
    """Leave a running trial behind, as a killed process does: its lock is free, and no sign of life comes any more."""
    study = worker.study
    study.enqueue_trial({"x": 0.25}, user_attrs={SLOT: number})
    [trial] = study.get_trials(states=(TrialState.WAITING,))
    if hasattr(worker.storage, "record_heartbeat"):
        worker.storage.record_heartbeat(trial._trial_id)
    worker.storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
    return trial.number


def test_a_dead_workers_trial_is_made_again_by_the_next(worker):
    die_with_a_trial(worker())
    heir, made = worker(), []
    for _ in range(100):
        make_all(heir, made)
        if not heir.left():
            break
        time.sleep(0.1)
    assert sorted(made) == [0, 1, 2]
    assert slots(heir.study)[0].params["x"] == 0.25


def test_a_trial_that_failed_by_itself_is_not_made_again(worker):
    claims, made = worker(), []
    with claims.next() as trial:
        trial.set_user_attr("error", "too large")
        claims.study.tell(trial, state=TrialState.FAIL)
    make_all(claims, made)
    assert made == [1, 2]


def test_one_too_many_put_back_is_never_made(worker):
    claims, made = worker(most=1), []
    with contextlib.suppress(KeyboardInterrupt), claims.next():
        raise KeyboardInterrupt
    for _ in range(2):  # as two workers would that know of no common lock
        claims.study.enqueue_trial({}, user_attrs={SLOT: 0})
    make_all(claims, made)
    assert made == [0]
    assert not claims.left()


def test_a_lock_that_someone_holds_keeps_a_trial_from_others(worker, tmp_path):
    claims = worker(most=1)
    claims.study.enqueue_trial({}, user_attrs={SLOT: 0})
    with lock_of(tmp_path / "sweep", 0), claims.next() as trial:
        assert trial is None
    with claims.next() as trial:
        assert trial is not None


@pytest.mark.parametrize("worker", ["file"], indirect=True)
def test_half_a_line_at_the_end_of_the_journal_is_passed_over(worker, tmp_path):
    made = []
    make_all(worker(most=1), made)
    with (tmp_path / "sweep/journal.log").open("ab") as journal:
        journal.write(b'{"op_code":5,"trial_')
    make_all(worker(most=3), made)
    assert made == [0, 1, 2]
    assert len(slots(worker().study)) == 3


@pytest.mark.parametrize("worker", ["database"], indirect=True)
def test_workers_that_begin_a_database_together(worker):
    with ThreadPoolExecutor(3) as pool:
        workers = [each.result() for each in [pool.submit(worker) for _ in range(3)]]
    assert len({each.study.study_name for each in workers}) == 1
