"""Runs that are given to SLURM: the script, what it trains, and how those stand that SLURM ended."""

import json
import os
import subprocess
import sys

import pytest

from chromahint.config.errors import ConfigError
from chromahint.launch.slurm import Resources, Slurm
from chromahint.runs.run import create_run
from chromahint.training import multirun, slurm_jobs
from chromahint.training.callbacks.preemption import requeue
from support import slurm_cluster as slurm_here

CPU = {"accelerator": "cpu", "devices": "auto", "num_nodes": 1}
GPU = CPU | {"accelerator": "gpu"}
AUTO = CPU | {"accelerator": "auto"}


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A folder with a SLURM of its own, which is asked without patience."""
    folder = tmp_path / "cluster"
    monkeypatch.setenv("PATH", slurm_here.install(folder))
    for name in [name for name in os.environ if name.startswith("SLURM")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(slurm_jobs, "POLL_SECONDS", 0.2)
    monkeypatch.setattr(slurm_jobs, "SLURM_QUERY_SECONDS", 0.5)
    return folder


def runs(folder):
    [parent] = (folder / "runs/multirun").iterdir()
    return sorted(path.parent for path in parent.glob("*/run.json"))


def about(run):
    return json.loads((run / "run.json").read_text())


def asked(cluster):
    return [each["options"] for each in json.loads((cluster / "sbatch.json").read_text()).values()]


# --- the script, run as SLURM would run it


def test_each_combination_trains_as_it_would_here(cluster, command, tiny, train, tmp_path):
    """One process, and a process on each of two machines."""
    made = command("train", "-m", "launcher=slurm", "launcher.cpus=1", *tiny, "trainer.num_nodes=1,2")
    one, two = runs(tmp_path)
    assert made.status == 0, made.out + (one / "output.txt").read_text() + (two / "output.txt").read_text()
    assert [about(run)["state"] for run in (one, two)] == ["finished", "finished"]
    assert [about(run)["processes"] for run in (one, two)] == [1, 2]
    assert [about(run)["slurm_job"] for run in (one, two)] == ["4711_0", "4712_0"]

    alone = train("runs_dir=alone")
    assert (one / "metrics.csv").read_text() == (alone / "metrics.csv").read_text()
    lines = (two / "metrics.csv").read_text().splitlines()
    assert len({tuple(line.split(",")[:3]) for line in lines}) == len(lines)
    for said in ("running: trainer.num_nodes=1: ", "finished: trainer.num_nodes=2", "output.txt"):
        assert said in made.out
    rows = [row.split()[:2] for row in made.out.splitlines() if row.strip().startswith("trainer.num_nodes=")]
    assert rows == [["trainer.num_nodes=1", "finished"], ["trainer.num_nodes=2", "finished"]]


def test_a_run_that_was_killed_is_noted_shown_and_goes_on_from_the_same_script(cluster, command, tiny, tmp_path):
    """Its first process kills itself, once."""
    (tmp_path / "deadly.py").write_text(
        "import os, pathlib, signal\nfrom lightning.pytorch import Callback\n\n\n"
        "class Deadly(Callback):\n"
        "    def on_train_start(self, trainer, pl_module):\n"
        "        if not pathlib.Path('spared').exists(): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    deadly = "+callbacks.deadly._target_=deadly.Deadly"
    made = command("train", "-m", "launcher=slurm", "launcher.cpus=1", *tiny, deadly, "seed=3")
    [run] = runs(tmp_path)
    assert made.status == 1
    assert about(run)["state"] == "failed"
    assert "job 4711_0 of SLURM ended: FAILED" in about(run)["error"]
    assert f"failed: {run.relative_to(tmp_path)}: job 4711_0" in made.out

    (tmp_path / "spared").touch()
    slurm_here.sbatch(cluster, "--parsable", str(run.parent / "slurm-0.sh"))
    slurm_jobs.follow([slurm_run(run)], ["again"], multirun.Console())
    assert about(run)["state"] == "finished"
    assert about(run)["error"] is None
    looked = command("train", "-m", f"status={run.parent}")
    assert looked.status == 0
    assert [row.split()[1] for row in looked.out.splitlines() if row.strip().startswith("0-")] == ["finished"]


def slurm_run(path):
    """A run that was submitted again by hand, which the job itself notes when it begins."""
    from chromahint.runs.run import Run

    run = Run(path)
    run.update_metadata(state="created", slurm_job="4712_0")
    return run


# --- what is asked of SLURM


def test_runs_of_one_kind_are_one_array(cluster, command, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(multirun, "wait_for_jobs", lambda *_: None)
    (cluster / "bin/srun").write_text("#!/bin/sh\n")  # nothing is trained here
    words = [word for word in tiny if not word.startswith("trainer=")]
    asks = [
        "launcher.partition=gpu", "launcher.account=color", "launcher.minutes=30", "launcher.memory_gb=32",
        "launcher.cpus=6", "launcher.sbatch=['--qos=high','--exclusive']", "n_jobs=2",
    ]  # fmt: skip
    command("train", "-m", "launcher=slurm", *asks, *words, "trainer=gpu,ddp_cpu", "seed=0,1,2")
    gpu, cpu = asked(cluster)
    both = {
        "partition": "gpu", "account": "color", "time": "30", "mem": "32G", "cpus-per-task": "6", "qos": "high",
        "exclusive": "", "requeue": "", "array": "0-2%2", "nodes": "1", "signal": "USR1@120", "chdir": str(tmp_path),
    }  # fmt: skip
    assert both.items() <= gpu.items()
    assert both.items() <= cpu.items()
    assert (gpu["ntasks-per-node"], gpu["gpus-per-node"]) == ("1", "1")
    assert (cpu["ntasks-per-node"], "gpus-per-node" in cpu) == ("2", False)
    assert "wckey" not in gpu
    jobs = {run.name.partition("_")[0]: about(run)["slurm_job"] for run in runs(tmp_path)}
    assert sorted(jobs.values()) == [f"{array}_{place}" for array in (4711, 4712) for place in range(3)]


def test_lines_of_ones_own_come_first(cluster, tmp_path):
    launcher = Slurm(setup=["module load cuda", "export A='b c'"], sbatch=["--gres=gpu:a100:2"])
    text = launcher.script([tmp_path / "a 'b' $c"], Resources(1, 2, 2), None, tmp_path / "50%")
    lines = text.splitlines()
    assert lines.index("module load cuda") < lines.index("export A='b c'") < lines.index("runs=(")
    assert "#SBATCH --gres=gpu:a100:2" in lines
    assert not [line for line in lines if "gpus-per-node" in line]
    assert f"#SBATCH --output={tmp_path}/50%%/slurm-%A_%a.txt" in lines


def test_folders_with_odd_names_reach_the_process(cluster, tmp_path, monkeypatch):
    """The script's own words, with a program in the place of Python that notes its arguments."""
    odd = tmp_path / "a 'b' \"c\" $d; e"
    odd.mkdir()
    python = tmp_path / "my python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    (tmp_path / "job.sh").write_text(Slurm().script([tmp_path, odd], Resources(1, 1, 0), None, tmp_path))
    (cluster / "bin/srun").write_text('#!/bin/sh\nwhile [ "${1#--}" != "$1" ]; do shift; done\nexec "$@"\n')
    told = {"SLURM_ARRAY_TASK_ID": "1"}
    subprocess.run(["bash", tmp_path / "job.sh"], env=os.environ | told, check=True)
    assert (odd / "output.txt").read_text().splitlines() == ["-m", "chromahint.training.train", str(odd)]


@pytest.mark.parametrize(
    ("trainer", "gpus", "shape"),
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
def test_a_process_for_each_device(cluster, trainer, gpus, shape):
    assert Slurm(gpus=gpus).resources(trainer) == shape


@pytest.mark.parametrize(
    ("trainer", "gpus", "says"),
    [
        (CPU, 2, "leave it out"),
        (GPU, 0, "trainer.devices"),
        (GPU | {"devices": 2}, 4, "type trainer.devices=4"),
    ],
)
def test_devices_that_contradict_each_other(cluster, trainer, gpus, says):
    with pytest.raises(ConfigError, match=says):
        Slurm(gpus=gpus).resources(trainer)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["launcher=slurm", "launcher.sbatch=['-q high']"], "write --key or --key=value"),
        (["launcher=slurm", "launcher.sbatch=['--time=10']"], "is launcher.minutes=N"),
        (["launcher=slurm", "launcher.minutes=two"], "a whole number"),
        (["launcher=slurm", "launcher.cpus=0"], "a whole number from 1"),
        (["launcher=slurm", "launcher.partitio=gpu"], "Did you mean partition?"),
        (["launcher=slrm"], "Did you mean slurm?"),
        (["launcher.partition=gpu"], "type launcher=slurm with it"),
        (["trainer.num_nodes=2"], "launcher=slurm trainer.num_nodes=2"),
        (["status=elsewhere"], "runs/multirun/DATE"),
    ],
)
def test_what_is_typed_wrongly_makes_no_run(cluster, command, tiny, tmp_path, words, says):
    before = sorted(tmp_path.iterdir())
    made = command("train", "-m", *tiny, *words)
    assert made.status == 2
    assert says in made.err
    assert sorted(tmp_path.iterdir()) == before


def test_it_is_for_several_runs(command, tiny):
    assert "It is for `chromahint train -m`" in command("train", *tiny, "launcher=slurm").err


def test_without_slurm_it_says_where_to_type_it(command, tiny, monkeypatch):
    monkeypatch.setenv("PATH", "")
    made = command("train", "-m", *tiny, "launcher=slurm")
    assert made.status == 2
    assert "login node" in made.err


def test_without_submitit_it_says_what_to_install(cluster, command, tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    made = command("train", "-m", *tiny, "launcher=slurm")
    assert made.status == 2
    assert "pip install 'chromahint[slurm]'" in made.err


def test_the_script_alone(command, tiny, tmp_path):
    """Without any SLURM on this machine."""
    made = command("train", "-m", *tiny, "launcher=slurm", "launcher.submit=false", "seed=0,1")
    assert made.status == 0, made.err
    [script] = tmp_path.glob("runs/multirun/*/slurm-0.sh")
    assert f"submit with: sbatch {script.relative_to(tmp_path)}" in made.out
    assert "#SBATCH --array=0-1%2" in script.read_text()
    assert [about(run)["state"] for run in runs(tmp_path)] == ["created", "created"]


def test_a_refusal_is_the_reason(cluster, command, tiny, tmp_path):
    made = command("train", "-m", *tiny, "launcher=slurm", "launcher.partition=none", "seed=0,1")
    assert made.status == 1
    assert [about(run)["state"] for run in runs(tmp_path)] == ["failed", "failed"]
    assert made.out.count("invalid partition specified: none") == 2


def test_who_interrupts_ends_the_waiting_alone(cluster, command, tiny, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(multirun, "wait_for_jobs", interrupted)
    (cluster / "bin/srun").write_text("#!/bin/sh\n")
    made = command("train", "-m", *tiny, "launcher=slurm")
    assert made.status == 130
    assert "scancel 4711" in made.out
    assert about(runs(tmp_path)[0])["state"] == "created"


# --- what becomes of them


@pytest.fixture
def given(tmp_path):
    """`given(state, job)` is a run that was given to SLURM."""

    def make(state, job="4711_0"):
        return create_run(tmp_path / "several" / "0-seed-0", {}, {"state": state, "slurm_job": job})

    return make


@pytest.mark.parametrize(
    ("before", "slurm", "after"),
    [
        ("created", "PENDING", "created"),
        ("running", "RUNNING", "running"),
        ("created", "CANCELLED by 1000", "interrupted"),
        ("running", "OUT_OF_MEMORY", "failed"),
        ("running", "TIMEOUT", "failed"),
        ("running", "", "failed"),  # where SLURM keeps no accounts
        ("running", "COMPLETED", "running"),  # what it wrote is not to be seen here yet
        ("finished", "COMPLETED", "finished"),
        ("interrupted", "CANCELLED by 1000", "interrupted"),
    ],
)
def test_how_a_run_stands(cluster, command, given, before, slurm, after):
    run = given(before)
    slurm_here.change(cluster, "states.json", "4711_0", slurm)
    looked = command("train", "-m", f"status={run.path.parent}")
    assert run.about["state"] == after
    assert [row.split()[1] for row in looked.out.splitlines() if row.strip().startswith("0-")] == [after]
    assert looked.status == (1 if after in ("failed", "interrupted") else 0)
    if after != before:
        assert (slurm or "without a word") in looked.out
        assert str(run.path / "output.txt") in looked.out
        assert "slurm-4711_0.txt" in looked.out


def test_runs_stand_in_their_order_whatever_they_are_called(command, tmp_path):
    for name in ("10-seed-10", "9-seed-9", "spreadnet"):
        create_run(tmp_path / "several" / name, {}, {})
    looked = command("train", "-m", "status=several")
    assert looked.status == 0, looked.err
    shown = [line.split()[0] for line in looked.out.splitlines() if line.split()[1:2] == ["created"]]
    assert shown == ["spreadnet", "9-seed-9", "10-seed-10"]


@pytest.mark.parametrize("job", [None, "4711_0"])
def test_where_slurm_does_not_answer_nothing_is_noted(cluster, command, given, job):
    run = given("running", job)
    if job:
        (cluster / "bin/squeue").write_text("#!/bin/sh\nexit 1\n")
    assert command("train", "-m", f"status={run.path.parent}").status == 0
    assert run.about["state"] == "running"


def test_an_array_job_is_requeued_alone(cluster, monkeypatch):
    """The last task of an array has the number of the whole array, which would be requeued with it."""
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "4711")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    assert requeue() == "4711_3"
    assert slurm_here.change(cluster, "scontrol.json") == {"requeue 4711_3": True}
