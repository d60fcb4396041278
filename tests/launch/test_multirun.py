"""Several runs: every combination, a process each, and one that fails leaves the others alone."""

import contextlib
import json
import sys
from types import SimpleNamespace

import pytest

from chromahint.config.errors import ConfigError
from chromahint.launch.multirun import expand_grid, folder_name
from chromahint.training import launch, multirun

# --- the real thing: on good photos, on photos of which none can be read, and on good ones again


@pytest.fixture(scope="module")
def several(tmp_path_factory, process, make_photos):
    folder = tmp_path_factory.mktemp("multirun")
    make_photos(folder / "good")
    make_photos(folder / "better", seed=1)
    (folder / "bad").mkdir()
    for number in range(8):
        (folder / "bad" / f"{number}.png").write_text("not a picture")
    return process(
        folder, "train", "-m", "data.root=good,bad,better", "debug=smoke", "data=folder", "data.shorter_side=64",
        "logger.mode=offline", "trainer=cpu", "model.width=4", "protocol.hint_counts=[0, 1]",
    )  # fmt: skip


def runs(several):
    [parent] = (several.folder / "runs/multirun").iterdir()
    return sorted(parent.iterdir())


def about(run):
    return json.loads((run / "run.json").read_text())


def test_a_folder_for_each_named_after_what_differs(several):
    assert [run.name for run in runs(several)] == ["0-data.root-good", "1-data.root-bad", "2-data.root-better"]


def test_one_that_fails_leaves_the_others_running(several):
    assert several.status == 1
    assert [about(run)["state"] for run in runs(several)] == ["finished", "failed", "finished"]
    for run in runs(several):
        if about(run)["state"] == "finished":
            assert (run / "evaluation/random_pixels/metrics.json").is_file()
        else:
            assert "can be read" in about(run)["error"]


def test_the_table_at_the_end_shows_states_and_figures(several):
    table = several.out[several.out.rindex("PSNR in dB of the test photos") :]
    rows = [line for line in table.splitlines() if line.strip().startswith("data.root=")]
    assert [("failed" in row, "finished" in row) for row in rows] == [(False, True), (True, False), (False, True)]
    for run, row in zip(runs(several), rows, strict=True):
        if about(run)["state"] == "finished":
            metrics = json.loads((run / "evaluation/random_pixels/metrics.json").read_text())
            for count in ("0", "1"):
                assert f"{metrics['by_hints'][count]['psnr']:.2f}" in row
    assert table.count("failed: ") == 1


def test_each_run_is_one_run_of_wandb(several):
    for run in runs(several):
        logs = [log.stem for log in run.glob("wandb/offline-run-*/run-*.wandb")]
        assert logs == [f"run-{about(run)['wandb_id']}"] or (logs == [] and about(run)["state"] == "failed")
    assert len({about(run)["wandb_id"] for run in runs(several)}) == 3


def test_nothing_is_left_beside_the_runs(several):
    assert sorted(path.name for path in several.folder.iterdir()) == ["bad", "better", "good", "runs"]
    assert "Traceback" not in several.err


# --- what it is made of


@pytest.fixture
def quick(monkeypatch):
    """Take the place of the processes, and note which were asked for."""
    asked = []

    def start(run, processes):
        asked.append((run.path.name, processes))
        return 0

    monkeypatch.setattr(multirun, "launch_and_wait", start)
    return asked


def test_each_run_is_a_process_of_its_own(command, tiny, monkeypatch):
    started = []

    def run(arguments, **_):
        started.append(arguments)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(launch, "subprocess", SimpleNamespace(run=run))
    made = command("train", "-m", *tiny, "seed=0,1,2")
    assert made.status == 0, made.err
    assert [arguments[:3] for arguments in started] == [[sys.executable, "-m", "chromahint.training.train"]] * 3
    assert len({arguments[3] for arguments in started}) == 3


def test_configs_are_those_of_single_runs(command, tiny, quick, tmp_path):
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
    "list_", ["protocol.hint_counts=[0,1]", "protocol.hint_counts=[0, 1]", "logger.tags=['a b', c]"]
)
def test_lists_are_not_swept_and_do_not_differ(command, tiny, quick, list_):
    words = [word for word in tiny if not word.startswith("logger")]
    made = command("train", "-m", *words, list_, "seed=0,1")
    assert made.status == 0, made.err
    assert [name for name, _ in quick] == ["0-seed-0", "1-seed-1"]


def test_one_combination_is_one_run(command, tiny, quick):
    assert command("train", "-m", *tiny, "seed=3").status == 0
    assert len(quick) == 1


def test_nothing_starts_where_one_combination_is_wrong(command, tiny, quick, tmp_path):
    made = command("train", "-m", *tiny, "model=unet,hscaunet", "model.widht=4")
    assert made.status == 2
    assert "Did you mean width?" in made.err
    assert quick == []
    assert list(tmp_path.iterdir()) == []


def test_combinations_that_are_the_same_twice_have_folders_of_their_own(command, tiny, quick):
    assert command("train", "-m", *tiny, "seed=0,0").status == 0
    assert len({name for name, _ in quick}) == 2


def test_distributed_runs_keep_their_number_of_processes(command, tiny, quick):
    assert command("train", "-m", *tiny, "trainer=ddp_cpu", "trainer.devices=2,3").status == 0
    assert [processes for _, processes in quick] == [2, 3]


def test_several_at_once(command, tiny, monkeypatch, tmp_path):
    alive, most = [0], [0]

    @contextlib.contextmanager
    def started(run, processes):
        alive[0] += 1
        most[0] = max(most[0], alive[0])
        polls = iter([None] * (3 - run.config["seed"]))

        def poll():
            status = next(polls, 1 if run.config["seed"] == 1 else 0)
            if status is not None:
                alive[0] -= 1
            return status

        yield SimpleNamespace(poll=poll)

    monkeypatch.setattr(multirun, "launched", started)
    made = command("train", "-m", *tiny, "seed=0,1,2,3", "n_jobs=2")
    assert made.status == 1, made.err
    assert (most[0], alive[0]) == (2, 0)
    [parent] = (tmp_path / "runs/multirun").iterdir()
    assert sorted(run.name for run in parent.iterdir()) == [f"{n}-seed-{n}" for n in range(4)]
    assert made.out.count("begun: ") == 4
    assert "failed: seed=1" in made.out
    rows = [line.split() for line in made.out.splitlines() if line.strip().startswith("seed=")]
    assert [row[:2] for row in rows] == [[f"seed={n}", "failed" if n == 1 else "finished"] for n in range(4)]


def test_two_at_once_for_real(process, tiny, tmp_path):
    made = process(tmp_path, "train", "-m", *tiny, "n_jobs=2", "optimizer.lr=0.001,1e30", "callbacks.ema=null")
    assert made.status == 1, made.err
    assert sorted(about(run)["state"] for run in runs(made)) == ["failed", "finished"]
    for run in runs(made):
        assert (run / "output.txt").read_text()
    assert "PSNR in dB of the test photos" in made.out


@pytest.mark.parametrize("number", ["0", "two", "1.5", "true", "null"])
def test_how_many_at_once_is_a_number(command, tiny, number):
    made = command("train", "-m", *tiny, f"n_jobs={number}")
    assert made.status == 2
    assert "n_jobs" in made.err
    assert "a whole number from 1" in made.err


@pytest.mark.parametrize(
    ("typed", "count", "last"),
    [
        (["seed=range(0,3)"], 3, ["seed=2"]),
        (["model=choice(unet,resunet)", "seed=1"], 2, ["model=resunet", "seed=1"]),
        (["data.root='a b,c','d'"], 2, ["data.root='d'"]),
        (["protocol.hint_counts=[0,1],[0,2]"], 2, ["protocol.hint_counts=[0,2]"]),
        (["+x=1,2", "~y"], 2, ["+x=2", "~y"]),
        ([], 1, []),
    ],
)
def test_combinations(typed, count, last):
    combinations = expand_grid(typed)
    assert len(combinations) == count
    assert combinations[-1] == last


@pytest.mark.parametrize("typed", ["seed=[0", "x y=1"])
def test_what_cannot_be_read_is_shown(typed):
    with pytest.raises(ConfigError, match="key=value"):
        expand_grid([typed])


@pytest.mark.parametrize(
    ("different", "name"),
    [
        (["data.root=/a b/c,d"], "data.root-a-b-c-d"),
        (["optimizer.lr=1e-3", "seed=0"], "optimizer.lr-1e-3_seed-0"),
        (["+x=[1,2]"], "+x-1-2"),
        (["name=ä/ü"], "name-ä-ü"),
        (["=/"], "run"),
        ([], "run"),
    ],
)
def test_folder_names_are_plain(different, name):
    assert folder_name(different) == name


def test_folder_names_are_short_enough_for_any_disk():
    assert len(folder_name([f"data.root={'x' * 300}"])) <= 100
