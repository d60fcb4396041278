"""How the end of a run is recorded if its processes could not do so themselves."""

import os
import subprocess
import sys

import pytest

from chromahint.launch.launcher import record_exit_status
from chromahint.runs.run import create_run


@pytest.fixture
def run(tmp_path):
    return create_run(tmp_path / "run", {}, {})


@pytest.mark.parametrize(
    ("status", "before", "after", "error"),
    [
        (0, "running", "running", None),  # it records "finished" itself
        (-9, "running", "failed", "SIGKILL"),
        (137, "running", "failed", "SIGKILL"),
        (137, "failed", "failed", "SIGKILL"),  # other processes recorded a lost connection
        (-11, "created", "failed", "SIGSEGV"),
        (143, "interrupted", "interrupted", None),
        (-15, "created", "interrupted", None),
        (1, "running", "failed", "status 1"),
        (2, "interrupted", "failed", "status 2"),  # one process failed, and the others were stopped
        (1, "failed", "failed", None),
    ],
)
def test_recorded_state(run, status, before, after, error):
    run.update_metadata(state=before)
    record_exit_status(run, status)
    assert run.metadata["state"] == after
    assert (error or "") in run.metadata.get("error", "")
    assert ("error" in run.metadata) == (error is not None)


def test_recorded_error_is_kept(run):
    run.update_metadata(state="interrupted", error="the dog ate it")
    record_exit_status(run, 1)
    assert (run.metadata["state"], run.metadata["error"]) == ("failed", "the dog ate it")


def test_run_that_another_process_trains_is_left_alone(run):
    run.update_metadata(state="running")
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom chromahint.runs.lock import lock_run\n"
        "with lock_run(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, run.path], stdout=subprocess.PIPE, env=dict(os.environ))
    try:
        assert other.stdout.readline() == b"held\n"
        record_exit_status(run, 2)
        assert run.metadata["state"] == "running"
    finally:
        other.kill()
        other.wait()
