"""The last word about a run that its processes could not say."""

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
    ("status", "before", "after", "why"),
    [
        (0, "running", "running", None),  # its own word is "finished", and nothing else
        (-9, "running", "failed", "SIGKILL"),
        (137, "running", "failed", "SIGKILL"),
        (137, "failed", "failed", "SIGKILL"),  # which the others noted as a lost connection
        (-11, "created", "failed", "SIGSEGV"),
        (143, "interrupted", "interrupted", None),
        (-15, "created", "interrupted", None),
        (1, "running", "failed", "status 1"),
        (2, "interrupted", "failed", "status 2"),  # one failed, and the others were told to leave
        (1, "failed", "failed", None),
    ],
)
def test_what_is_noted(run, status, before, after, why):
    run.note(state=before)
    record_exit_status(run, status)
    assert run.about["state"] == after
    assert (why or "") in run.about.get("error", "")
    assert ("error" in run.about) == (why is not None)


def test_the_reason_that_is_there_stays(run):
    run.note(state="interrupted", error="the dog ate it")
    record_exit_status(run, 1)
    assert (run.about["state"], run.about["error"]) == ("failed", "the dog ate it")


def test_a_run_that_another_process_works_on_is_left_alone(run):
    run.note(state="running")
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom chromahint.runs.lock import lock_run\n"
        "with lock_run(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, run.path], stdout=subprocess.PIPE, env=dict(os.environ))
    try:
        assert other.stdout.readline() == b"held\n"
        record_exit_status(run, 2)
        assert run.about["state"] == "running"
    finally:
        other.kill()
        other.wait()
