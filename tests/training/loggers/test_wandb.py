"""metrics.csv, and Weights & Biases read back from its own files."""

import json
import os

import pytest
import yaml

from chromahint.training.loggers.csv import CSVLogger
from chromahint.training.loggers.wandb import define_metrics, has_wandb_api_key, log_test_results, wandb_logger

ABOUT = {"name": "unet/now", "group": "unet", "wandb_id": "1234abcd"}


def number(value):
    """A figure of the summary, where W&B may keep its best under `max`."""
    return value["max"] if isinstance(value, dict) else value


# --- metrics.csv


def test_one_figure_a_line(tmp_path):
    CSVLogger(tmp_path).log_metrics({"train/loss": 0.1, "val/psnr@10": 20.5, "epoch": 3}, step=7)
    assert (tmp_path / "metrics.csv").read_text() == "step,epoch,name,value\n7,3,train/loss,0.1\n7,3,val/psnr@10,20.5\n"


def test_a_file_that_is_there_is_continued(tmp_path):
    CSVLogger(tmp_path).log_metrics({"a": 1.0}, step=0)
    before = (tmp_path / "metrics.csv").read_text()
    CSVLogger(tmp_path).log_metrics({"a": 2.0}, step=1)
    after = (tmp_path / "metrics.csv").read_text()
    assert after == before + "1,0,a,2.0\n"


def test_values_survive_reading(tmp_path):
    CSVLogger(tmp_path).log_metrics({"a": 0.1 + 0.2}, step=0)
    assert float((tmp_path / "metrics.csv").read_text().splitlines()[1].split(",")[3]) == 0.1 + 0.2


# --- W&B


def test_there_is_one_offline_run_with_the_id_of_the_run_folder(default_run, inspect_wandb):
    shown = inspect_wandb(default_run.run)
    about = json.loads((default_run.run / "run.json").read_text())
    assert shown["run_id"] == about["wandb_id"]
    assert shown["state"] == "finished"
    assert shown["exit_code"] == 0
    assert shown["project"] == "chromahint"
    assert shown["name"] == about["name"]
    assert [path.name for path in default_run.folder.iterdir()] == ["runs"], "nothing outside the run folder"


def test_wandb_has_the_resolved_config(default_run, inspect_wandb):
    config = yaml.safe_load((default_run.run / "config.yaml").read_text())
    choices = json.loads((default_run.run / "run.json").read_text())["choices"]
    assert choices["loss"] == "huber"
    assert inspect_wandb(default_run.run)["config"] == config | {"choices": choices}


def test_the_summary_has_the_best_validation_and_the_test(default_run, read_metrics, inspect_wandb):
    summary = inspect_wandb(default_run.run)["summary"]
    logged = read_metrics(default_run.run)
    assert len(logged["val/psnr"]) == 2
    for name in ("val/psnr", "val/psnr@10", "val/ssim"):
        assert number(summary[name]) == pytest.approx(max(logged[name]))
    metrics = json.loads((default_run.run / "evaluation/random_pixels/metrics.json").read_text())
    for count, values in metrics["by_hints"].items():
        assert summary[f"test/psnr@{count}"] == pytest.approx(values["psnr"])
        assert summary[f"test/ssim@{count}"] == pytest.approx(values["ssim"])


def test_the_hint_curve_is_there(default_run, inspect_wandb):
    summary = inspect_wandb(default_run.run)["summary"]
    assert summary["hints/count"] == 1966
    assert summary["test/psnr_by_hints_table"]["nrows"] == 6


def test_pictures_are_there(default_run, inspect_wandb):
    summary = inspect_wandb(default_run.run)["summary"]
    [media] = (default_run.run / "wandb").glob("offline-run-*/files")
    drawn = ("pictures/test", "figures/psnr_by_hints", "figures/training")
    for path in (*summary["pictures/strip"]["filenames"], *(summary[name]["path"] for name in drawn)):
        assert (media / path).stat().st_size > 1000
    assert len(list((media / "media/images/pictures").glob("strip_*"))) == 2, "one strip a validation"


def test_the_best_value_is_kept_whatever_comes_after(tmp_path, inspect_wandb):
    logger = wandb_logger(tmp_path, {"seed": 0}, ABOUT, mode="offline")
    define_metrics(logger, [0, 10])
    for step, value in enumerate((3.0, 5.0, 4.0)):
        logger.log_metrics({"val/psnr": value, "val/psnr@10": value + 1, "train/loss": value}, step=step)
    logger.experiment.finish()
    summary = inspect_wandb(tmp_path)["summary"]
    assert number(summary["val/psnr"]) == 5
    assert number(summary["val/psnr@10"]) == 6


def test_two_runs_of_one_process_do_not_mix(tmp_path, inspect_wandb):
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "strip.png")
    for name, value in (("one", 21.0), ("two", 22.0)):
        logger = wandb_logger(tmp_path / name, {}, ABOUT | {"wandb_id": f"id{name}"}, mode="offline")
        metrics = {"by_hints": {"1": {"psnr": value, "ssim": 0.5}}}
        log_test_results(logger, metrics, {"pictures/test": tmp_path / "strip.png"})
        logger.experiment.finish()
    for name, value in (("one", 21.0), ("two", 22.0)):
        shown = inspect_wandb(tmp_path / name)
        assert shown["run_id"] == f"id{name}"
        assert shown["summary"]["test/psnr@1"] == value


@pytest.mark.parametrize(
    ("mode", "variables", "wanted"),
    [
        ("auto", {}, "offline"),
        ("auto", {"WANDB_API_KEY": "x" * 40}, "online"),
        ("auto", {"WANDB_MODE": "disabled", "WANDB_API_KEY": "x" * 40}, "disabled"),
        ("offline", {"WANDB_API_KEY": "x" * 40}, "offline"),
        ("online", {}, "online"),
    ],
)
def test_online_only_with_a_key_or_where_asked_for(tmp_path, monkeypatch, mode, variables, wanted):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert wandb_logger(tmp_path, {}, ABOUT, mode=mode)._wandb_init["mode"] == wanted


def test_a_key_in_the_netrc_file_counts(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text(f"machine api.wandb.ai\n  login user\n  password {'x' * 40}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert wandb_logger(tmp_path, {}, ABOUT)._wandb_init["mode"] == "online"
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.com")
    assert wandb_logger(tmp_path, {}, ABOUT)._wandb_init["mode"] == "offline"
    (tmp_path / "netrc").write_text("machine\n\x00")
    monkeypatch.delenv("WANDB_BASE_URL")
    assert wandb_logger(tmp_path, {}, ABOUT)._wandb_init["mode"] == "offline"


@pytest.mark.parametrize("server", [None, "https://api.wandb.ai", "https://wandb.example.com", "http://localhost:8080"])
def test_what_wandb_login_writes_is_found(tmp_path, monkeypatch, server):
    from wandb.sdk.lib.urls import DEFAULT_BASE_URL
    from wandb.sdk.lib.wbauth.wbnetrc import read_netrc_auth, write_netrc_auth

    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    if server:
        monkeypatch.setenv("WANDB_BASE_URL", server)
    assert not has_wandb_api_key()
    write_netrc_auth(host=server or DEFAULT_BASE_URL, api_key="x" * 40)
    assert has_wandb_api_key()
    monkeypatch.setenv("WANDB_BASE_URL", "https://other.example.com")
    assert not has_wandb_api_key()
    for asked in (DEFAULT_BASE_URL, "https://api.wandb.ai", "https://wandb.example.com", "http://localhost:8080"):
        monkeypatch.setenv("WANDB_BASE_URL", asked)
        assert has_wandb_api_key() == (read_netrc_auth(host=asked) is not None)


def test_a_group_of_ones_own_goes_before_the_default(tmp_path):
    assert wandb_logger(tmp_path, {}, ABOUT)._wandb_init["group"] == "unet"
    assert wandb_logger(tmp_path, {}, ABOUT, group="mine")._wandb_init["group"] == "mine"


def test_making_a_logger_starts_nothing(tmp_path):
    wandb_logger(tmp_path, {}, ABOUT)
    assert list(tmp_path.iterdir()) == []
    assert "WANDB_API_KEY" not in os.environ
