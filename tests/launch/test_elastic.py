"""A run of two processes on the processor: one folder, one of each line, and the figures of one process."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from chromahint.config.instantiate import instantiate_node
from chromahint.launch import elastic as processes
from chromahint.runs.run import open_run
from chromahint.training.train import build_module


@pytest.fixture(scope="module")
def together(tmp_path_factory, process, make_photos):
    """Two steps in two processes, validated on 7 pictures: one process has 4, the other 3 and a filler."""
    folder = tmp_path_factory.mktemp("ddp")
    for split, count in {"train": 8, "val": 5, "test": 3}.items():
        make_photos(folder / "photos" / split, count, seed=count)
    for number in range(2):
        (folder / "photos/val" / f"broken-{number}.png").write_text("not a picture")
    return process(
        folder, "train", "trainer=ddp_cpu", "debug=smoke", "data=folder", "data.root=photos", "data.shorter_side=64",
        "data.eval_batch_size=2", "logger=none", "model.width=4", "protocol.hint_counts=[0,1,10]", "optimizer.lr=0.05",
        "trainer.precision=32-true", "callbacks.ema.decay=0.5",
    )  # fmt: skip


def test_one_run_folder_that_says_two_processes(together):
    assert together.status == 0, together.err
    [run] = together.folder.glob("runs/*/*")
    about = json.loads((run / "run.json").read_text())
    assert (about["state"], about["processes"]) == ("finished", 2)
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


def test_nothing_is_printed_twice(together):
    said = [line for line in (together.out + together.err).splitlines() if line.strip() and "evaluating" not in line]
    for part in ("run:     ", "pull-push, no training", "PSNR in dB over SSIM", "picture: ", "training 100%"):
        assert sum(line.strip().startswith(part) for line in said) == 1, part
    assert "Traceback" not in together.err
    assert "warn" not in together.err.lower()


def test_no_figure_is_logged_twice(together):
    lines = (together.run / "metrics.csv").read_text().splitlines()
    assert lines.count("step,epoch,name,value") == 1
    keys = [tuple(line.split(",")[:3]) for line in lines]
    assert len(keys) == len(set(keys))
    assert [key[0] for key in keys if key[2] == "train/loss"] == ["0", "1"]


def test_broken_pictures_are_listed_once_and_all_counted(together):
    listed = (together.run / "broken.txt").read_text().splitlines()
    assert len(listed) == len(set(listed)) == 2
    assert "2 pictures could not be read" in together.out


def test_two_processes_validate_as_one(together, read_metrics, monkeypatch):
    """The same weights in one process, where nothing fills up."""
    monkeypatch.chdir(together.folder)
    run = open_run(together.run)
    config = run.config
    task, data = build_module(config | {"weights": str(run.best_checkpoint)}), instantiate_node(config["data"])
    trainer = instantiate_node(config["trainer"] | {"devices": 1})(
        folder=run.path, callbacks=[], loggers=[], network=torch.nn.Identity()
    )
    [alone] = trainer.validate(task, datamodule=data, verbose=False)
    logged = read_metrics(together.run)
    assert {name for name in alone if name.startswith("val/")} == {name for name in logged if name.startswith("val/")}
    for name, value in alone.items():
        assert logged[name][-1] == pytest.approx(value, abs=1e-3), name


def test_both_processes_took_part_in_each_step(together):
    """8 pictures in batches of 2 are 4 steps for one process and 2 for two: so the second step ends the epoch."""
    content = torch.load(together.run / "checkpoints/last.ckpt", weights_only=True)
    assert content["global_step"] == 2
    progress = content["loops"]["fit_loop"]["epoch_loop.batch_progress"]
    assert progress["is_last_batch"]


@pytest.mark.parametrize("failing", [0, 1])
def test_when_one_process_fails_the_others_are_ended(tmp_path, failing):
    script = tmp_path / "script.py"
    script.write_text(f"import os, sys, time\nif os.environ['RANK'] == '{failing}': sys.exit(3)\ntime.sleep(120)\n")
    assert processes.launch_processes([str(script)], 2) == 3


@pytest.mark.parametrize("failing", [0, 1])
def test_the_one_that_was_killed_is_named_and_not_those_that_lost_it(tmp_path, failing):
    script = tmp_path / "script.py"
    script.write_text(
        f"import os, signal, sys, time\nif os.environ['RANK'] == '{failing}': os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.exit(1)\n"
    )
    assert processes.launch_processes([str(script)], 2) == 128 + signal.SIGKILL


def test_the_signals_of_this_process_are_its_own_again(tmp_path):
    heard = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1)
    before = [signal.getsignal(number) for number in heard]
    (tmp_path / "script.py").write_text("")
    assert processes.launch_processes([str(tmp_path / "script.py")], 2) == 0
    assert [signal.getsignal(number) for number in heard] == before


def test_processes_know_of_each_other(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, pathlib, sys\n"
        "note = pathlib.Path(sys.argv[1], os.environ['RANK'])\n"
        "note.write_text(os.environ['WORLD_SIZE'] + os.environ['LOCAL_RANK'])\n"
    )
    (tmp_path / "notes").mkdir()
    assert processes.launch_processes([str(script), str(tmp_path / "notes")], 3) == 0
    assert {path.name: path.read_text() for path in (tmp_path / "notes").iterdir()} == {"0": "30", "1": "31", "2": "32"}


def test_an_interrupt_ends_all_processes(tmp_path):
    (tmp_path / "script.py").write_text(
        "import os, pathlib, signal, time\n"
        "there = pathlib.Path('there')\n"
        "if os.environ['RANK'] == '1': there.touch()\n"
        "while not there.exists(): time.sleep(0.1)\n"
        "time.sleep(1)\n"
        "if os.environ['RANK'] == '0': os.kill(os.getppid(), signal.SIGINT)\n"
        "time.sleep(60)\n"
    )
    code = (
        "import signal\n"
        "from chromahint.launch.elastic import run_together\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # whoever runs the tests may ignore it
        "try: run_together(['script.py'], 2)\n"
        "except KeyboardInterrupt: print('interrupted')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, timeout=90
    )
    assert done.stdout.strip() == "interrupted", done.stderr


def test_a_signal_to_a_run_of_two_processes_saves_once_and_it_goes_on(tmp_path, photos, process):
    """The command hears the signal and tells both processes; they leave together, at the same step."""
    words = [
        "trainer=ddp_cpu", "debug=smoke", "data=folder", f"data.root={photos}", "data.shorter_side=64", "logger=none",
        "model.width=4", "protocol.hint_counts=[0,1,10]", "trainer.max_steps=100000", "trainer.val_check_interval=50000",
    ]  # fmt: skip
    with (tmp_path / "output.txt").open("w") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", "chromahint", "train", *words], cwd=tmp_path, stdout=output, stderr=output
        )
        try:
            deadline = time.monotonic() + 120
            while not any(tmp_path.glob("runs/*/*/checkpoints/last.ckpt")) and time.monotonic() < deadline:
                time.sleep(0.2)
            started.send_signal(signal.SIGTERM)
            status = started.wait(60)
        finally:
            started.kill()
    said = (tmp_path / "output.txt").read_text()
    [run] = tmp_path.glob("runs/*/*")
    assert status == 128 + signal.SIGTERM, said
    assert said.count("Resume with: chromahint resume ") == 1
    assert json.loads((run / "run.json").read_text())["state"] == "interrupted"
    step = torch.load(run / "checkpoints/last.ckpt", weights_only=True)["global_step"]
    assert f"saved at step {step}." in said
    again = process(tmp_path, "train", f"resume={run}", f"trainer.max_steps={step + 2}")
    assert again.status == 0, again.err
    assert f"resuming from step {step}" in again.err
    assert torch.load(run / "checkpoints/last.ckpt", weights_only=True)["global_step"] == step + 2
