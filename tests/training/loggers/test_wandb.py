"""Weights & Biases, read back from its own files."""

import json
import os

import pytest
import yaml

from chromahint.training.loggers.wandb import define_metrics, has_wandb_api_key, log_test_results, wandb_logger

METADATA = {"name": "unet/now", "group": "unet", "wandb_id": "1234abcd"}


def number(value):
    """A value of the summary; W&B may keep the best one under `max` or `min`."""
    return value.get("max", value.get("min")) if isinstance(value, dict) else value


def test_offline_run_has_the_id_of_the_run_folder(default_run, inspect_wandb):
    shown = inspect_wandb(default_run.run)
    metadata = json.loads((default_run.run / "run.json").read_text())
    assert shown["run_id"] == metadata["wandb_id"]
    assert shown["state"] == "finished"
    assert shown["exit_code"] == 0
    assert shown["project"] == "chromahint"
    assert shown["name"] == metadata["name"]
    assert [path.name for path in default_run.folder.iterdir()] == ["runs"]


def test_config_is_logged(default_run, inspect_wandb):
    config = yaml.safe_load((default_run.run / "config.yaml").read_text())
    choices = json.loads((default_run.run / "run.json").read_text())["choices"]
    assert choices["loss"] == "huber"
    assert inspect_wandb(default_run.run)["config"] == config | {"choices": choices}


def test_summary_has_best_validation_and_test_metrics(default_run, read_metrics, inspect_wandb):
    summary = inspect_wandb(default_run.run)["summary"]
    logged = read_metrics(default_run.run)
    assert len(logged["val/psnr"]) == 2
    for name in ("val/psnr", "val/psnr@10", "val/ssim"):
        assert number(summary[name]) == pytest.approx(max(logged[name]))
    assert number(summary["val/ciede2000"]) == pytest.approx(min(logged["val/ciede2000"]))
    metrics = json.loads((default_run.run / "evaluation/random_pixels/metrics.json").read_text())
    for count, values in metrics["by_hints"].items():
        for name, value in values.items():
            assert summary[f"test/{name}@{count}"] == pytest.approx(value)


def test_hint_curve_is_logged(default_run, inspect_wandb):
    summary = inspect_wandb(default_run.run)["summary"]
    assert summary["hints/count"] == 1966
    for name in ("psnr", "ssim", "ciede2000", "ciede2000_p95", "colorfulness_difference"):
        assert summary[f"test/{name}_by_hints_table"]["nrows"] == 6


def test_images_are_logged(default_run, inspect_wandb):
    summary = inspect_wandb(default_run.run)["summary"]
    [media] = (default_run.run / "wandb").glob("offline-run-*/files")
    drawn = ("pictures/test", "figures/psnr_by_hints", "figures/training")
    for path in (*summary["pictures/strip"]["filenames"], *(summary[name]["path"] for name in drawn)):
        assert (media / path).stat().st_size > 1000
    assert len(list((media / "media/images/pictures").glob("strip_*"))) == 2, "one grid per validation"


def test_summary_keeps_the_best_value(tmp_path, inspect_wandb):
    logger = wandb_logger(tmp_path, {"seed": 0}, METADATA, mode="offline")
    define_metrics(logger, [0, 10])
    for step, value in enumerate((3.0, 5.0, 4.0)):
        logged = {"val/psnr": value, "val/psnr@10": value + 1, "val/ciede2000@10": value, "train/loss": value}
        logger.log_metrics(logged, step=step)
    logger.experiment.finish()
    summary = inspect_wandb(tmp_path)["summary"]
    assert number(summary["val/psnr"]) == 5
    assert number(summary["val/psnr@10"]) == 6
    assert number(summary["val/ciede2000@10"]) == 3


def test_runs_of_the_same_process_stay_separate(tmp_path, inspect_wandb):
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "strip.png")
    for name, value in (("one", 21.0), ("two", 22.0)):
        logger = wandb_logger(tmp_path / name, {}, METADATA | {"wandb_id": f"id{name}"}, mode="offline")
        metrics = {"by_hints": {"1": {"psnr": value, "ssim": 0.5}}}
        log_test_results(logger, metrics, {"pictures/test": tmp_path / "strip.png"})
        logger.experiment.finish()
    for name, value in (("one", 21.0), ("two", 22.0)):
        shown = inspect_wandb(tmp_path / name)
        assert shown["run_id"] == f"id{name}"
        assert shown["summary"]["test/psnr@1"] == value


@pytest.mark.parametrize(
    ("mode", "variables", "expected"),
    [
        ("auto", {}, "offline"),
        ("auto", {"WANDB_API_KEY": "x" * 40}, "online"),
        ("auto", {"WANDB_MODE": "disabled", "WANDB_API_KEY": "x" * 40}, "disabled"),
        ("offline", {"WANDB_API_KEY": "x" * 40}, "offline"),
        ("online", {}, "online"),
    ],
)
def test_online_only_with_an_api_key_or_on_request(tmp_path, monkeypatch, mode, variables, expected):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert wandb_logger(tmp_path, {}, METADATA, mode=mode)._wandb_init["mode"] == expected


def test_api_key_in_netrc_is_found(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text(f"machine api.wandb.ai\n  login user\n  password {'x' * 40}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert wandb_logger(tmp_path, {}, METADATA)._wandb_init["mode"] == "online"
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.com")
    assert wandb_logger(tmp_path, {}, METADATA)._wandb_init["mode"] == "offline"
    (tmp_path / "netrc").write_text("machine\n\x00")
    monkeypatch.delenv("WANDB_BASE_URL")
    assert wandb_logger(tmp_path, {}, METADATA)._wandb_init["mode"] == "offline"


@pytest.mark.parametrize("server", [None, "https://api.wandb.ai", "https://wandb.example.com", "http://localhost:8080"])
def test_api_key_of_wandb_login_is_found(tmp_path, monkeypatch, server):
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


def test_explicit_group_overrides_the_default(tmp_path):
    assert wandb_logger(tmp_path, {}, METADATA)._wandb_init["group"] == "unet"
    assert wandb_logger(tmp_path, {}, METADATA, group="mine")._wandb_init["group"] == "mine"


def test_building_a_logger_starts_nothing(tmp_path):
    wandb_logger(tmp_path, {}, METADATA)
    assert list(tmp_path.iterdir()) == []
    assert "WANDB_API_KEY" not in os.environ
