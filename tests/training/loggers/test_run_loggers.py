"""TensorBoard, MLflow, and Trackio, read back by their own readers."""

import csv

import numpy as np
import pytest
from PIL import Image

from chromahint.training.loggers.csv import MetricsCSVLogger
from chromahint.training.loggers.mlflow import mlflow_logger, mlflow_name
from chromahint.training.loggers.tensorboard import tensorboard_logger

METADATA = {"name": "unet/now", "group": "unet", "wandb_id": "1234abcd"}
RESULTS = {"by_hints": {"0": {"psnr": 20.0, "ssim": 0.5}, "10": {"psnr": 25.0, "ssim": 0.75}}}


@pytest.fixture(autouse=True)
def own_database(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # MLflow itself sets it to the last database


def read_tensorboard(folder):
    """{name: [(step, value), ...]} of all scalars, and {name: number of pictures}."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    tags = events.Tags()
    scalars = {name: [(event.step, event.value) for event in events.Scalars(name)] for name in tags["scalars"]}
    return scalars, {name: len(events.Images(name)) for name in tags["images"]}


def read_mlflow(runs_dir):
    """The only run of the only experiment, and {name: [(step, value), ...]}."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{runs_dir}/mlflow.db")
    [experiment] = [found for found in client.search_experiments() if found.name != "Default"]
    [run] = client.search_runs([experiment.experiment_id])
    history = {name: client.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
    return run, {name: [(metric.step, metric.value) for metric in values] for name, values in history.items()}


def make(kind, folder):
    build = {"tensorboard": tensorboard_logger, "mlflow": mlflow_logger}[kind]
    return build(folder, {"seed": 3, "runs_dir": str(folder)}, METADATA)


def read(kind, folder):
    return read_tensorboard(folder)[0] if kind == "tensorboard" else read_mlflow(folder)[1]


@pytest.mark.slow
def test_a_run_with_several_loggers_has_the_values_of_metrics_csv_in_each(command, tiny):
    words = [word for word in tiny if word != "logger=none"]
    done = command("train", *words, "logger=[tensorboard,mlflow]", "trainer.log_every_n_steps=1")
    assert done.status == 0, done.err
    rows = list(csv.DictReader((done.run / "metrics.csv").open()))
    scalars, pictures = read_tensorboard(done.run)
    run, history = read_mlflow(done.run.parents[1])
    assert {"train/loss", "val/psnr@10", "train/lr"} <= {row["name"] for row in rows}
    for row in rows:
        logged = int(row["step"]), pytest.approx(float(row["value"]), rel=1e-6)
        assert logged in scalars[row["name"]]
        assert logged in history[mlflow_name(row["name"])]
    assert [step for step, _ in scalars["hints/psnr"]] == [step for step, _ in history["hints/psnr"]] == [0, 1, 10]
    assert {"pictures/strip", "pictures/test", "figures/psnr_by_hints"} <= set(pictures)
    assert run.info.status == "FINISHED"
    assert run.data.params["model/width"] == "4"
    assert run.data.tags["mlflow.runName"] == f"{done.run.parent.name}/{done.run.name}"


@pytest.mark.parametrize("kind", ["tensorboard", "mlflow"])
def test_resumed_run_logs_nothing_twice_and_what_was_lost(kind, tmp_path):
    metrics_csv = MetricsCSVLogger(tmp_path)
    first = make(kind, tmp_path)
    first.begin([0, 10])
    first.log_metrics({"train/loss": 3.0, "epoch": 0}, 1)
    first.close(1)
    for step in (1, 2):  # the second step did not reach the logger
        metrics_csv.log_metrics({"train/loss": 4.0 - step, "epoch": 0}, step)
    second = make(kind, tmp_path)
    second.begin([0, 10])
    second.sync_from_csv(metrics_csv)
    for step in (2, 3):
        second.log_metrics({"train/loss": 4.0 - step, "epoch": 0}, step)
    second.close(0)
    assert read(kind, tmp_path)["train/loss"] == [(1, 3.0), (2, 2.0), (3, 1.0)]


@pytest.mark.parametrize("kind", ["tensorboard", "mlflow"])
def test_results_and_pictures_are_logged(kind, tmp_path):
    logger = make(kind, tmp_path)
    logger.begin([0, 10])
    logger.log_picture("pictures/strip", np.zeros((8, 8, 3), np.uint8), 5)
    Image.new("RGB", (8, 8)).save(tmp_path / "strip.png")
    logger.log_results(RESULTS, {"pictures/test": tmp_path / "strip.png"})
    logger.close(0)
    assert read(kind, tmp_path)["hints/ssim"] == [(0, 0.5), (10, 0.75)]
    if kind == "tensorboard":
        assert read_tensorboard(tmp_path)[1] == {"pictures/strip": 1, "pictures/test": 1}
    else:
        files = {file.name for file in (tmp_path / "mlflow_artifacts").rglob("*.png")}
        assert "strip.png" in files
        assert len(files) > 1


def test_failed_run_is_marked_as_failed(tmp_path):
    logger = make("mlflow", tmp_path)
    logger.begin([0])
    logger.close(1)
    assert read_mlflow(tmp_path)[0].info.status == "FAILED"


def test_missing_package_is_reported_before_a_folder_is_made(command, tiny, monkeypatch):
    from chromahint.training.loggers import check

    monkeypatch.setattr(check, "find_spec", lambda name: None)
    words = [word for word in tiny if word != "logger=none"]
    failed = command("train", *words, "logger=tensorboard")
    assert failed.status == 2
    assert "logger=tensorboard: the package is not installed. Run pip install 'chromahint[tensorboard]'." in failed.err
    assert not (failed.folder / "runs").exists()


def test_trackio_has_the_values(tmp_path, monkeypatch):
    trackio = pytest.importorskip("trackio")
    from chromahint.training.loggers.trackio import trackio_logger

    monkeypatch.setattr("trackio.sqlite_storage.TRACKIO_DIR", tmp_path, raising=True)
    logger = trackio_logger(tmp_path, {"seed": 3}, METADATA)
    logger.begin([0])
    logger.log_metrics({"train/loss": 3.0}, 1)
    logger.close(0)
    [run] = trackio.Api().runs("chromahint")
    assert run.name == METADATA["name"]
