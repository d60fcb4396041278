"""A run of two CPU processes has one folder, prints each line once, and validates like a run of one process."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch

from chromahint.config.instantiate import instantiate_node
from chromahint.launch.elastic import launch_processes
from chromahint.runs.run import open_run
from chromahint.training.train import build_module

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def distributed(tmp_path_factory, process, make_photos):
    """Two steps in two processes, validated on 7 images: one process has 4, the other 3 and a padding image."""
    folder = tmp_path_factory.mktemp("ddp")
    for split, count in {"train": 8, "val": 5, "test": 3}.items():
        make_photos(folder / "photos" / split, count, seed=count)
    for number in range(2):
        (folder / "photos/val" / f"broken-{number}.png").write_text("not an image")
    return process(
        folder, "train", "trainer=ddp_cpu", "debug=smoke", "data=folder", "data.root=photos", "data.shorter_side=64",
        "data.batch_size=4",
        "data.eval_batch_size=2", "logger=none", "model.width=4", "protocol.hint_counts=[0,1,10]", "optimizer.lr=0.05",
        "trainer.precision=32-true", "callbacks.ema.decay=0.5",
    )  # fmt: skip


def test_run_folder(distributed):
    assert distributed.status == 0, distributed.err
    [run] = distributed.folder.glob("runs/*/*")
    metadata = json.loads((run / "run.json").read_text())
    assert (metadata["state"], metadata["processes"]) == ("finished", 2)
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


def test_nothing_is_printed_twice(distributed):
    lines = [
        line for line in (distributed.out + distributed.err).splitlines() if line.strip() and "evaluating" not in line
    ]
    for part in ("run:     ", "pull-push, no training", "PSNR in dB over SSIM", "picture: ", "training 100%"):
        assert sum(line.strip().startswith(part) for line in lines) == 1, part
    assert "Traceback" not in distributed.err
    assert "warn" not in distributed.err.lower()


def test_nothing_is_logged_twice(distributed):
    lines = (distributed.run / "metrics.csv").read_text().splitlines()
    assert lines.count("step,epoch,name,value") == 1
    keys = [tuple(line.split(",")[:3]) for line in lines]
    assert len(keys) == len(set(keys))
    assert [key[0] for key in keys if key[2] == "train/loss"] == ["0", "1"]


def test_unreadable_images_are_listed_once_and_counted(distributed):
    listed = (distributed.run / "broken.txt").read_text().splitlines()
    assert len(listed) == len(set(listed)) == 2
    assert "2 images could not be read" in distributed.out


def test_two_processes_validate_like_one(distributed, read_metrics, monkeypatch):
    """The same weights in one process need no padding images."""
    monkeypatch.chdir(distributed.folder)
    run = open_run(distributed.run)
    config = run.config
    module, data = build_module(config | {"weights": str(run.best_checkpoint)}), instantiate_node(config["data"])
    trainer = instantiate_node(config["trainer"] | {"devices": 1})(
        folder=run.path, callbacks=[], loggers=[], network=torch.nn.Identity()
    )
    [alone] = trainer.validate(module, datamodule=data, verbose=False)
    logged = read_metrics(distributed.run)
    assert {name for name in alone if name.startswith("val/")} == {name for name in logged if name.startswith("val/")}
    for name, value in alone.items():
        assert logged[name][-1] == pytest.approx(value, abs=1e-3), name


def test_both_processes_take_part_in_each_step(distributed):
    """8 images in batches of 4, 2 for each process, are 2 steps, so that the second step ends the epoch."""
    content = torch.load(distributed.run / "checkpoints/last.ckpt", weights_only=True)
    assert content["global_step"] == 2
    batch = open_run(distributed.run).metadata["batch"]
    assert batch == {"images_per_step": 4, "images_per_device": 2, "accumulated_batches": 1}
    assert "batch: 4 images per step: 2 on each of 2 devices, 1 accumulated" in distributed.err
    progress = content["loops"]["fit_loop"]["epoch_loop.batch_progress"]
    assert progress["is_last_batch"]


def test_both_processes_share_the_evaluation_that_is_left_after_training(distributed, process, tmp_path):
    run = shutil.copytree(distributed.run, tmp_path / "run")
    metadata = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(metadata | {"state": "interrupted"}))
    shutil.rmtree(run / "evaluation")
    resumed = process(distributed.folder, "resume", run)
    assert resumed.status == 0, resumed.err
    assert resumed.out.count("pull-push, no training") == 1
    for name in ("metrics.json", "images.csv"):
        file = f"evaluation/random_pixels/{name}"
        assert (run / file).read_text() == (distributed.run / file).read_text()


@pytest.mark.parametrize("failing", [0, 1])
def test_other_processes_are_stopped_if_one_fails(tmp_path, failing):
    script = tmp_path / "script.py"
    script.write_text(f"import os, sys, time\nif os.environ['RANK'] == '{failing}': sys.exit(3)\ntime.sleep(120)\n")
    assert launch_processes([str(script)], 2) == 3


@pytest.mark.parametrize("failing", [0, 1])
def test_exit_status_is_that_of_the_killed_process(tmp_path, failing):
    script = tmp_path / "script.py"
    script.write_text(
        f"import os, signal, sys, time\nif os.environ['RANK'] == '{failing}': os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.exit(1)\n"
    )
    assert launch_processes([str(script)], 2) == 128 + signal.SIGKILL


def test_signal_handlers_and_environment_are_restored(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    environment = dict(os.environ)
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1)
    before = [signal.getsignal(number) for number in signals]
    (tmp_path / "script.py").write_text("")
    assert launch_processes([str(tmp_path / "script.py")], 2) == 0
    assert [signal.getsignal(number) for number in signals] == before
    assert dict(os.environ) == environment


def test_processes_form_a_group(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, pathlib, sys\n"
        "file = pathlib.Path(sys.argv[1], os.environ['RANK'])\n"
        "file.write_text(os.environ['WORLD_SIZE'] + os.environ['LOCAL_RANK'])\n"
    )
    (tmp_path / "files").mkdir()
    assert launch_processes([str(script), str(tmp_path / "files")], 3) == 0
    assert {path.name: path.read_text() for path in (tmp_path / "files").iterdir()} == {"0": "30", "1": "31", "2": "32"}


def test_ctrl_c_stops_all_processes(tmp_path):
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
        "from chromahint.launch.elastic import launch_processes\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # pytest may run with SIGINT ignored
        "try: launch_processes(['script.py'], 2)\n"
        "except KeyboardInterrupt: print('interrupted')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, timeout=90
    )
    assert done.stdout.strip() == "interrupted", done.stderr


def test_signal_to_a_distributed_run_saves_once_and_it_can_be_resumed(tmp_path, photos, process, python):
    """The command passes the signal on to both processes, which exit after the same step."""
    words = [
        "trainer=ddp_cpu", "debug=smoke", "data=folder", f"data.root={photos}", "data.shorter_side=64", "logger=none",
        "model=unet", "model.width=4", "protocol.hint_counts=[0,10]", "trainer.max_steps=100000",
        "trainer.val_check_interval=50000",
    ]  # fmt: skip
    with (tmp_path / "output.txt").open("w") as file:
        started = subprocess.Popen(
            [python, "-m", "chromahint", "train", *words], cwd=tmp_path, stdout=file, stderr=file
        )
        try:
            deadline = time.monotonic() + 120
            while not any(tmp_path.glob("runs/*/*/checkpoints/last.ckpt")) and time.monotonic() < deadline:
                time.sleep(0.05)
            started.send_signal(signal.SIGTERM)
            status = started.wait(60)
        finally:
            started.kill()
    output = (tmp_path / "output.txt").read_text()
    [run] = tmp_path.glob("runs/*/*")
    assert status == 128 + signal.SIGTERM, output
    assert output.count("Resume with: chromahint resume ") == 1
    assert json.loads((run / "run.json").read_text())["state"] == "interrupted"
    step = torch.load(run / "checkpoints/last.ckpt", weights_only=True)["global_step"]
    assert f"saved at step {step}." in output
    again = process(tmp_path, "resume", run, f"trainer.max_steps={step + 2}")
    assert again.status == 0, again.err
    assert f"resuming from step {step}" in again.err
    assert torch.load(run / "checkpoints/last.ckpt", weights_only=True)["global_step"] == step + 2
