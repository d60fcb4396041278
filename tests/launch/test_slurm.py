"""Runs submitted to SLURM: the script, what it trains, and the recorded state of runs that SLURM ended."""

import json
import os
import subprocess
import sys

import pytest

from chromahint.config.errors import ConfigError
from chromahint.launch import multirun, slurm
from chromahint.launch.slurm import Resources, Slurm
from chromahint.runs.run import create_run
from chromahint.training.callbacks.preemption import requeue
from support import slurm_cluster

CPU = {"accelerator": "cpu", "devices": "auto", "num_nodes": 1}
GPU = CPU | {"accelerator": "gpu"}
AUTO = CPU | {"accelerator": "auto"}


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A folder with its own SLURM, which is queried often."""
    folder = tmp_path / "cluster"
    monkeypatch.setenv("PATH", slurm_cluster.install(folder))
    for name in [name for name in os.environ if name.startswith("SLURM")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(slurm, "SLURM_POLL_SECONDS", 0.1)
    monkeypatch.setattr(slurm, "SLURM_QUERY_SECONDS", 0.5)
    return folder


def runs(folder):
    [parent] = (folder / "runs/multirun").iterdir()
    return sorted(path.parent for path in parent.glob("*/run.json"))


def metadata(run):
    return json.loads((run / "run.json").read_text())


def requested(cluster):
    return [each["options"] for each in json.loads((cluster / "sbatch.json").read_text()).values()]


def test_runs_train_as_on_this_machine(cluster, command, tiny, train, tmp_path):
    """One with one process, and one with a process on each of two machines."""
    result = command("train", "-m", "launcher=slurm", "launcher.cpus=1", *tiny, "trainer.num_nodes=1,2")
    one, two = runs(tmp_path)
    assert result.status == 0, result.out + (one / "output.txt").read_text() + (two / "output.txt").read_text()
    assert [metadata(run)["state"] for run in (one, two)] == ["finished", "finished"]
    assert [metadata(run)["processes"] for run in (one, two)] == [1, 2]
    assert [metadata(run)["slurm_job"] for run in (one, two)] == ["4711_0", "4712_0"]

    local = train("runs_dir=local")
    assert (one / "metrics.csv").read_text() == (local / "metrics.csv").read_text()
    lines = (two / "metrics.csv").read_text().splitlines()
    assert len({tuple(line.split(",")[:3]) for line in lines}) == len(lines)
    for text in ("running: trainer.num_nodes=1: ", "finished: trainer.num_nodes=2", "output.txt"):
        assert text in result.out
    rows = [row.split()[:2] for row in result.out.splitlines() if row.strip().startswith("trainer.num_nodes=")]
    assert rows == [["trainer.num_nodes=1", "finished"], ["trainer.num_nodes=2", "finished"]]


def test_killed_run_is_recorded_and_can_be_resumed_by_the_same_script(cluster, command, tiny, tmp_path):
    """Its process kills itself the first time."""
    (tmp_path / "deadly_callback.py").write_text(
        "import os, pathlib, signal\nfrom lightning.pytorch import Callback\n\n\n"
        "class Deadly(Callback):\n"
        "    def on_train_start(self, trainer, pl_module):\n"
        "        if not pathlib.Path('alive').exists(): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    deadly = "+callbacks.deadly._target_=deadly_callback.Deadly"
    result = command("train", "-m", "launcher=slurm", "launcher.cpus=1", *tiny, deadly, "seed=3")
    [run] = runs(tmp_path)
    assert result.status == 1
    assert metadata(run)["state"] == "failed"
    assert "SLURM ended job 4711_0: FAILED" in metadata(run)["error"]
    assert f"failed: {run.relative_to(tmp_path)}: SLURM ended job 4711_0" in result.out

    (tmp_path / "alive").touch()
    slurm_cluster.sbatch(cluster, "--parsable", str(run.parent / "slurm-0.sh"))
    slurm.wait_for_jobs([slurm_run(run)], ["again"], multirun.Console())
    assert metadata(run)["state"] == "finished"
    assert metadata(run)["error"] is None
    shown = command("status", run.parent)
    assert shown.status == 0
    assert [row.split()[1] for row in shown.out.splitlines() if row.strip().startswith("0-")] == ["finished"]


def slurm_run(path):
    """A run that was submitted again by hand; its job records this when it starts."""
    from chromahint.runs.run import Run

    run = Run(path)
    run.update_metadata(state="created", slurm_job="4712_0")
    return run


def test_runs_with_equal_resources_are_one_array(cluster, command, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(multirun, "wait_for_jobs", lambda *_: None)
    (cluster / "bin/srun").write_text("#!/bin/sh\n")  # nothing is trained here
    words = [word for word in tiny if not word.startswith("trainer=")]
    options = [
        "launcher.partition=gpu", "launcher.account=color", "launcher.minutes=30", "launcher.memory_gb=32",
        "launcher.cpus=6", "launcher.sbatch=['--qos=high','--exclusive']",
    ]  # fmt: skip
    command("train", "-m", "launcher=slurm", "--n-jobs", "2", *options, *words, "trainer=gpu,ddp_cpu", "seed=0,1,2")
    gpu, cpu = requested(cluster)
    both = {
        "partition": "gpu", "account": "color", "time": "30", "mem": "32G", "cpus-per-task": "6", "qos": "high",
        "exclusive": "", "requeue": "", "array": "0-2%2", "nodes": "1", "signal": "USR1@120", "chdir": str(tmp_path),
    }  # fmt: skip
    assert both.items() <= gpu.items()
    assert both.items() <= cpu.items()
    assert (gpu["ntasks-per-node"], gpu["gpus-per-node"]) == ("1", "1")
    assert (cpu["ntasks-per-node"], "gpus-per-node" in cpu) == ("2", False)
    assert "wckey" not in gpu
    jobs = {run.name.partition("_")[0]: metadata(run)["slurm_job"] for run in runs(tmp_path)}
    assert sorted(jobs.values()) == [f"{array}_{task}" for array in (4711, 4712) for task in range(3)]


def test_setup_lines_and_extra_options(cluster, tmp_path):
    launcher = Slurm(setup=["module load cuda", "export A='b c'"], sbatch=["--gres=gpu:a100:2"])
    text = launcher.script([tmp_path / "a 'b' $c"], Resources(1, 2, 2), None, tmp_path / "50%")
    lines = text.splitlines()
    assert lines.index("module load cuda") < lines.index("export A='b c'") < lines.index("runs=(")
    assert "#SBATCH --gres=gpu:a100:2" in lines
    assert not [line for line in lines if "gpus-per-node" in line]
    assert f"#SBATCH --output={tmp_path}/50%%/slurm-%A_%a.txt" in lines


def test_folders_with_special_characters(cluster, tmp_path, monkeypatch):
    """The script, with a program in place of Python that prints its arguments."""
    odd = tmp_path / "a 'b' \"c\" $d; e"
    odd.mkdir()
    python = tmp_path / "my python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    (tmp_path / "job.sh").write_text(Slurm().script([tmp_path, odd], Resources(1, 1, 0), None, tmp_path))
    (cluster / "bin/srun").write_text('#!/bin/sh\nwhile [ "${1#--}" != "$1" ]; do shift; done\nexec "$@"\n')
    variables = {"SLURM_ARRAY_TASK_ID": "1"}
    subprocess.run(["bash", tmp_path / "job.sh"], env=os.environ | variables, check=True)
    assert (odd / "output.txt").read_text().splitlines() == ["-m", "chromahint.training.train", str(odd)]


@pytest.mark.parametrize(
    ("trainer", "gpus", "resources"),
    [
        (CPU, None, Resources(1, 1, 0)),
        (CPU | {"devices": 4}, 0, Resources(1, 4, 0)),
        (AUTO, None, Resources(1, 1, 1)),
        (AUTO, 0, Resources(1, 1, 0)),
        (AUTO | {"devices": 3}, 0, Resources(1, 3, 0)),
        (AUTO, 4, Resources(1, 4, 4)),
        (GPU | {"devices": 2, "num_nodes": 3}, None, Resources(3, 2, 2)),
        (GPU | {"devices": 2}, 2, Resources(1, 2, 2)),
    ],
)
def test_one_process_per_device(cluster, trainer, gpus, resources):
    assert Slurm(gpus=gpus).resources(trainer) == resources


@pytest.mark.parametrize(
    ("trainer", "gpus", "message"),
    [
        (CPU, 2, "Leave out launcher.gpus"),
        (GPU, 0, "trainer.devices"),
        (GPU | {"devices": 2}, 4, "Type trainer.devices=4"),
    ],
)
def test_contradictory_devices(cluster, trainer, gpus, message):
    with pytest.raises(ConfigError, match=message):
        Slurm(gpus=gpus).resources(trainer)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["launcher=slurm", "launcher.sbatch=['-q high']"], "must be --key or --key=value"),
        (["launcher=slurm", "launcher.sbatch=['--time=10']"], "is launcher.minutes=N"),
        (["launcher=slurm", "launcher.minutes=two"], "an integer >= 3"),
        (["launcher=slurm", "launcher.cpus=0"], "an integer >= 1"),
        (["launcher=slurm", "launcher.partitio=gpu"], "Did you mean partition?"),
        (["launcher=slrm"], "Did you mean slurm?"),
        (["launcher.partition=gpu"], "Add launcher=slurm"),
        (["trainer.num_nodes=2"], "launcher=slurm trainer.num_nodes=2"),
    ],
)
def test_mistakes_are_reported_before_run_folders_are_created(cluster, command, tiny, tmp_path, words, message):
    before = sorted(tmp_path.iterdir())
    result = command("train", "-m", *tiny, *words)
    assert result.status == 2
    assert message in result.err
    assert sorted(tmp_path.iterdir()) == before


def test_launcher_without_multirun(command, tiny):
    assert "Use launcher= with `chromahint train -m`" in command("train", *tiny, "launcher=slurm").err


def test_machine_without_sbatch(command, tiny, monkeypatch):
    monkeypatch.setenv("PATH", "")
    result = command("train", "-m", *tiny, "launcher=slurm")
    assert result.status == 2
    assert "login node" in result.err


def test_missing_submitit(cluster, command, tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    result = command("train", "-m", *tiny, "launcher=slurm")
    assert result.status == 2
    assert "pip install 'chromahint[slurm]'" in result.err


def test_only_write_the_script(command, tiny, tmp_path):
    """There is no SLURM on this machine."""
    result = command("train", "-m", *tiny, "launcher=slurm", "launcher.submit=false", "seed=0,1")
    assert result.status == 0, result.err
    [script] = tmp_path.glob("runs/multirun/*/slurm-0.sh")
    assert f"submit with: sbatch {script.relative_to(tmp_path)}" in result.out
    assert "#SBATCH --array=0-1%2" in script.read_text()
    assert [metadata(run)["state"] for run in runs(tmp_path)] == ["created", "created"]


def test_rejected_script(cluster, command, tiny, tmp_path):
    result = command("train", "-m", *tiny, "launcher=slurm", "launcher.partition=none", "seed=0,1")
    assert result.status == 1
    assert [metadata(run)["state"] for run in runs(tmp_path)] == ["failed", "failed"]
    assert result.out.count("invalid partition specified: none") == 2


def test_ctrl_c_only_stops_waiting(cluster, command, tiny, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(multirun, "wait_for_jobs", interrupted)
    (cluster / "bin/srun").write_text("#!/bin/sh\n")
    result = command("train", "-m", *tiny, "launcher=slurm")
    assert result.status == 130
    assert "scancel 4711" in result.out
    assert metadata(runs(tmp_path)[0])["state"] == "created"


@pytest.fixture
def submitted_run(tmp_path):
    """`submitted_run(state, job)` creates a run that was submitted to SLURM."""

    def make(state, job="4711_0"):
        return create_run(tmp_path / "several" / "0-seed-0", {}, {"state": state, "slurm_job": job})

    return make


@pytest.mark.parametrize(
    ("before", "slurm_state", "after"),
    [
        ("created", "PENDING", "created"),
        ("running", "RUNNING", "running"),
        ("created", "CANCELLED by 1000", "interrupted"),
        ("running", "OUT_OF_MEMORY", "failed"),
        ("running", "TIMEOUT", "failed"),
        ("running", "", "failed"),  # SLURM keeps no accounts
        ("running", "COMPLETED", "running"),  # what it recorded is not visible here yet
        ("finished", "COMPLETED", "finished"),
        ("interrupted", "CANCELLED by 1000", "interrupted"),
    ],
)
def test_status(cluster, command, submitted_run, before, slurm_state, after):
    run = submitted_run(before)
    slurm_cluster.change(cluster, "states.json", "4711_0", slurm_state)
    shown = command("status", run.path.parent)
    assert run.metadata["state"] == after
    assert [row.split()[1] for row in shown.out.splitlines() if row.strip().startswith("0-")] == [after]
    assert shown.status == (1 if after in ("failed", "interrupted") else 0)
    if after != before:
        assert (slurm_state or "unknown state") in shown.out
        assert str(run.path / "output.txt") in shown.out
        assert "slurm-4711_0.txt" in shown.out


def test_status_lists_runs_by_number(command, tmp_path):
    for name in ("10-seed-10", "9-seed-9", "spreadnet"):
        create_run(tmp_path / "several" / name, {}, {})
    shown = command("status", "several")
    assert shown.status == 0, shown.err
    names = [line.split()[0] for line in shown.out.splitlines() if line.split()[1:2] == ["created"]]
    assert names == ["spreadnet", "9-seed-9", "10-seed-10"]


@pytest.mark.parametrize("job", [None, "4711_0"])
def test_status_if_slurm_does_not_respond(cluster, command, submitted_run, job):
    run = submitted_run("running", job)
    if job:
        (cluster / "bin/squeue").write_text("#!/bin/sh\nexit 1\n")
    assert command("status", run.path.parent).status == 0
    assert run.metadata["state"] == "running"


def test_only_the_task_of_an_array_is_requeued(cluster, monkeypatch):
    """The last task of an array has the ID of the whole array, which must not be requeued."""
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "4711")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    assert requeue() == "4711_3"
    assert slurm_cluster.change(cluster, "scontrol.json") == {"requeue 4711_3": True}


def test_status_of_all_runs(command, tmp_path):
    for name in ("unet/2026-01-31_23-59-59", "multirun/2026-02-01_00-00-00/10-b", "multirun/2026-02-01_00-00-00/9-a"):
        create_run(tmp_path / "runs" / name, {}, {})
    shown = command("status")
    assert shown.status == 0, shown.err
    names = [line.split()[0] for line in shown.out.splitlines() if line.split()[1:2] == ["created"]]
    assert names == [
        "multirun/2026-02-01_00-00-00/9-a",
        "multirun/2026-02-01_00-00-00/10-b",
        "unet/2026-01-31_23-59-59",
    ]
    assert [each["run"] for each in json.loads(command("status", "runs/unet", "--json").out)] == [
        "runs/unet/2026-01-31_23-59-59"
    ]
    assert command("resume", "runs").status == 2


def test_status_of_a_folder_without_runs(command):
    result = command("status", "elsewhere")
    assert result.status == 2
    assert "elsewhere: contains no runs. Pass a run, or a folder of runs, such as runs/multirun/DATE." in result.err
