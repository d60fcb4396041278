"""`chromahint train -m` trains every combination in its own process; if one fails, the others continue."""

import contextlib
import json
from types import SimpleNamespace

import pytest

from chromahint.config.errors import ConfigError
from chromahint.launch import launcher, multirun
from chromahint.launch.multirun import expand_grid, folder_name


@pytest.fixture(scope="module")
def several(tmp_path_factory, process, make_photos):
    """Three runs: on photos, on files that can't be read, and on other photos."""
    folder = tmp_path_factory.mktemp("multirun")
    make_photos(folder / "good")
    make_photos(folder / "better", seed=1)
    (folder / "bad").mkdir()
    for number in range(8):
        (folder / "bad" / f"{number}.png").write_text("not an image")
    return process(
        folder, "train", "-m", "data.root=good,bad,better", "debug=smoke", "data=folder", "data.shorter_side=64",
        "logger.wandb.mode=offline", "trainer=cpu", "model=unet", "model.width=4", "protocol.hint_counts=[0, 1]",
    )  # fmt: skip


def runs(several):
    [parent] = (several.folder / "runs/multirun").iterdir()
    return sorted(parent.iterdir())


def metadata(run):
    return json.loads((run / "run.json").read_text())


def test_folders_are_named_after_what_differs(several):
    assert [run.name for run in runs(several)] == ["0-data.root-good", "1-data.root-bad", "2-data.root-better"]


def test_other_runs_continue_if_one_fails(several):
    assert several.status == 1
    assert [metadata(run)["state"] for run in runs(several)] == ["finished", "failed", "finished"]
    for run in runs(several):
        if metadata(run)["state"] == "finished":
            assert (run / "evaluation/random_pixels/metrics.json").is_file()
        else:
            assert "can be read" in metadata(run)["error"]


def test_status_of_one_run(several, command):
    shown = [json.loads(command("status", str(run), "--json").out) for run in runs(several)]
    assert [[each["state"] for each in status] for status in shown] == [["finished"], ["failed"], ["finished"]]


def test_summary_shows_states_and_scores(several):
    table = several.out[several.out.rindex("PSNR in dB of the test images") :]
    rows = [line for line in table.splitlines() if line.strip().startswith("data.root=")]
    assert [("failed" in row, "finished" in row) for row in rows] == [(False, True), (True, False), (False, True)]
    for run, row in zip(runs(several), rows, strict=True):
        if metadata(run)["state"] == "finished":
            metrics = json.loads((run / "evaluation/random_pixels/metrics.json").read_text())
            for count in ("0", "1"):
                assert f"{metrics['by_hints'][count]['psnr']:.2f}" in row
    assert table.count("failed: ") == 1


def test_each_run_is_one_wandb_run(several):
    for run in runs(several):
        logs = [log.stem for log in run.glob("wandb/offline-run-*/run-*.wandb")]
        assert logs == [f"run-{metadata(run)['wandb_id']}"] or (logs == [] and metadata(run)["state"] == "failed")
    assert len({metadata(run)["wandb_id"] for run in runs(several)}) == 3


def test_nothing_else_is_written(several):
    assert sorted(path.name for path in several.folder.iterdir()) == ["bad", "better", "good", "runs"]
    assert "Traceback" not in several.err


@pytest.fixture
def launches(monkeypatch):
    """Record which runs would be launched, instead of training: (name of the folder, number of processes)."""
    recorded = []

    def launch(run, processes):
        recorded.append((run.path.name, processes))
        return 0

    monkeypatch.setattr(multirun, "launch_and_wait", launch)
    return recorded


def test_each_run_has_its_own_process(command, tiny, monkeypatch, python):
    started = []

    def run(arguments, **_):
        started.append(arguments)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(launcher, "subprocess", SimpleNamespace(run=run))
    result = command("train", "-m", *tiny, "seed=0,1,2")
    assert result.status == 0, result.err
    assert [arguments[:3] for arguments in started] == [[python, "-m", "chromahint.training.train"]] * 3
    assert len({arguments[3] for arguments in started}) == 3


def test_configs_equal_those_of_single_runs(command, tiny, launches, tmp_path):
    from chromahint.config.compose import compose
    from chromahint.runs.run import Run

    assert command("train", "-m", *tiny, "model=unet,resunet", "seed=0,1").status == 0
    [parent] = (tmp_path / "runs/multirun").iterdir()
    for number, (model, seed) in enumerate([("unet", 0), ("unet", 1), ("resunet", 0), ("resunet", 1)]):
        run = Run(parent / f"{number}-model-{model}_seed-{seed}")
        assert run.config == compose("train", [*tiny, f"model={model}", f"seed={seed}"]).config
        assert run.metadata["choices"]["model"] == model
        assert run.metadata["group"] == f"multirun/{parent.name}"


@pytest.mark.parametrize(
    "list_", ["protocol.hint_counts=[0,1]", "protocol.hint_counts=[0, 1]", "logger.wandb.tags=['a b', c]"]
)
def test_lists_are_single_values(command, tiny, launches, list_):
    words = [word for word in tiny if not word.startswith("logger")]
    result = command("train", "-m", *words, list_, "seed=0,1")
    assert result.status == 0, result.err
    assert [name for name, _ in launches] == ["0-seed-0", "1-seed-1"]


def test_single_combination(command, tiny, launches):
    assert command("train", "-m", *tiny, "seed=3").status == 0
    assert len(launches) == 1


def test_nothing_starts_if_one_combination_is_invalid(command, tiny, launches, tmp_path):
    result = command("train", "-m", *tiny, "model=unet,hscaunet", "model.widht=4")
    assert result.status == 2
    assert "Did you mean width?" in result.err
    assert launches == []
    assert list(tmp_path.iterdir()) == []


def test_nothing_remains_if_a_folder_can_not_be_made(command, tiny, launches, tmp_path, monkeypatch):
    create = multirun.create_run_folder

    def fail_at_the_second(composed, folder, group):
        if folder.name.startswith("1-"):
            raise ConfigError(f"runs_dir={folder.parent}: can't be written (No space left on device).")
        return create(composed, folder, group)

    monkeypatch.setattr(multirun, "create_run_folder", fail_at_the_second)
    result = command("train", "-m", *tiny, "seed=0,1")
    assert result.status == 2
    assert "No space left on device" in result.err
    assert launches == []
    assert not list(tmp_path.glob("runs/multirun/*/*"))


def test_equal_combinations_have_different_folders(command, tiny, launches):
    assert command("train", "-m", *tiny, "seed=0,0").status == 0
    assert len({name for name, _ in launches}) == 2


def test_number_of_processes_of_distributed_runs(command, tiny, launches):
    assert command("train", "-m", *tiny, "data.batch_size=6", "trainer=ddp_cpu", "trainer.devices=2,3").status == 0
    assert [processes for _, processes in launches] == [2, 3]


def test_runs_at_a_time(command, tiny, monkeypatch, tmp_path):
    alive, peak = [0], [0]

    @contextlib.contextmanager
    def fake_launched(run, processes):
        alive[0] += 1
        peak[0] = max(peak[0], alive[0])
        polls = iter([None] * (3 - run.config["seed"]))

        def poll():
            status = next(polls, 1 if run.config["seed"] == 1 else 0)
            if status is not None:
                alive[0] -= 1
            return status

        yield SimpleNamespace(poll=poll)

    monkeypatch.setattr(multirun, "launched", fake_launched)
    result = command("train", "-m", *tiny, "seed=0,1,2,3", "--n-jobs", "2")
    assert result.status == 1, result.err
    assert (peak[0], alive[0]) == (2, 0)
    [parent] = (tmp_path / "runs/multirun").iterdir()
    assert sorted(run.name for run in parent.iterdir()) == [f"{n}-seed-{n}" for n in range(4)]
    assert result.out.count("started: ") == 4
    assert "failed: seed=1" in result.out
    rows = [line.split() for line in result.out.splitlines() if line.strip().startswith("seed=")]
    assert [row[:2] for row in rows] == [[f"seed={n}", "failed" if n == 1 else "finished"] for n in range(4)]


def test_two_real_runs_at_a_time(process, tiny, tmp_path):
    words = ["model=spreadnet", "callbacks.ema=null", "optimizer.lr=0.001,1e30"]
    result = process(tmp_path, "train", "-m", *tiny, *words, "--n-jobs", "2")
    assert result.status == 1, result.err
    assert sorted(metadata(run)["state"] for run in runs(result)) == ["failed", "finished"]
    for run in runs(result):
        assert (run / "output.txt").read_text()
    assert "PSNR in dB of the test images" in result.out


def test_stopped_multirun_is_listed_completely_and_resumed(command, tiny, monkeypatch, tmp_path):
    real, started = multirun.launch_and_wait, []

    def stop_in_the_second_run(run, processes):
        started.append(run.path.name)
        if len(started) == 2:
            raise KeyboardInterrupt
        return real(run, processes)

    monkeypatch.setattr(multirun, "launch_and_wait", stop_in_the_second_run)
    assert command("train", "-m", *tiny, "seed=0,1,2").status == 130
    [parent] = (tmp_path / "runs/multirun").iterdir()
    names = [f"{n}-seed-{n}" for n in range(3)]
    assert sorted(run.name for run in parent.iterdir()) == names
    listed = command("status", str(parent)).out
    states = {line.split()[0]: line.split()[1] for line in listed.splitlines() if "seed" in line}
    assert states == {"0-seed-0": "finished", "1-seed-1": "created", "2-seed-2": "created"}
    described = json.loads(command("status", str(parent), "--json").out)
    assert [(each["run"], each["state"]) for each in described] == [
        (str(parent / name), states[name]) for name in names
    ]
    assert described[0]["psnr"]["10"] > 0
    assert described[1]["psnr"] == {}
    before = (parent / "0-seed-0/metrics.csv").stat().st_mtime_ns

    monkeypatch.setattr(multirun, "launch_and_wait", real)
    resumed = command("resume", str(parent))
    assert resumed.status == 0, resumed.err
    assert "2 of 3 runs are not finished" in resumed.out
    assert [metadata(parent / name)["state"] for name in names] == ["finished"] * 3
    assert (parent / "0-seed-0/metrics.csv").stat().st_mtime_ns == before
    again = command("resume", str(parent))
    assert again.status == 2
    assert "all 3 runs are finished" in again.err
    assert "is for a folder with several runs" in command("resume", str(parent / names[0]), "--n-jobs", "2").err
    assert "Resume it alone" in command("resume", str(parent), "trainer.max_steps=4").err


@pytest.mark.parametrize("number", ["0", "two", "1.5", "true", "null"])
def test_n_jobs_is_a_positive_integer(command, tiny, number):
    result = command("train", "-m", *tiny, "--n-jobs", number)
    assert result.status == 2
    assert f"--n-jobs {number}: must be an integer >= 1" in result.err


@pytest.mark.parametrize(
    ("overrides", "count", "last"),
    [
        (["seed=range(0,3)"], 3, ["seed=2"]),
        (["model=choice(unet,resunet)", "seed=1"], 2, ["model=resunet", "seed=1"]),
        (["data.root='a b,c','d'"], 2, ["data.root='d'"]),
        (["protocol.hint_counts=[0,1],[0,2]"], 2, ["protocol.hint_counts=[0,2]"]),
        (["+x=1,2", "~y"], 2, ["+x=2", "~y"]),
        ([], 1, []),
    ],
)
def test_expand_grid(overrides, count, last):
    combinations = expand_grid(overrides)
    assert len(combinations) == count
    assert combinations[-1] == last


@pytest.mark.parametrize("override", ["seed=[0", "x y=1"])
def test_override_that_cannot_be_parsed(override):
    with pytest.raises(ConfigError, match="key=value"):
        expand_grid([override])


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (["data.root=/a b/c,d"], "data.root-a-b-c-d"),
        (["optimizer.lr=1e-3", "seed=0"], "optimizer.lr-1e-3_seed-0"),
        (["+x=[1,2]"], "+x-1-2"),
        (["name=ä/ü"], "name-ä-ü"),
        (["=/"], "run"),
        ([], "run"),
    ],
)
def test_folder_name(overrides, name):
    assert folder_name(overrides) == name


def test_folder_name_is_short_enough_for_any_file_system():
    assert len(folder_name([f"data.root={'x' * 300}"])) <= 100
