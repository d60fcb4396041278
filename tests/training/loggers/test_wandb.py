"""Weights & Biases, read back from its own files."""

import base64
import json
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from chromahint.training.loggers.wandb import wandb_logger
from chromahint.wandb_api import server as wandb_server
from chromahint.wandb_api.server import find_api_key, server_problem
from support.wandb_stand_in import WandbStandIn

METADATA = {"name": "unet/now", "group": "unet", "wandb_id": "1234abcd"}


def number(value):
    """A value of the summary; W&B may keep the best one under `max` or `min`."""
    return value.get("max", value.get("min")) if isinstance(value, dict) else value


@pytest.mark.slow
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
    logger.begin([0, 10])
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
        logger.log_results(metrics, {"pictures/test": tmp_path / "strip.png"})
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
    assert find_api_key() is None
    write_netrc_auth(host=server or DEFAULT_BASE_URL, api_key="x" * 40)
    assert find_api_key() == "x" * 40
    monkeypatch.setenv("WANDB_BASE_URL", "https://other.example.com")
    assert find_api_key() is None
    for asked in (DEFAULT_BASE_URL, "https://api.wandb.ai", "https://wandb.example.com", "http://localhost:8080"):
        monkeypatch.setenv("WANDB_BASE_URL", asked)
        assert (find_api_key() is not None) == (read_netrc_auth(host=asked) is not None)


def test_explicit_group_overrides_the_default(tmp_path):
    assert wandb_logger(tmp_path, {}, METADATA)._wandb_init["group"] == "unet"
    assert wandb_logger(tmp_path, {}, METADATA, group="mine")._wandb_init["group"] == "mine"


def test_building_a_logger_starts_nothing(tmp_path):
    wandb_logger(tmp_path, {}, METADATA)
    assert list(tmp_path.iterdir()) == []
    assert "WANDB_API_KEY" not in os.environ


@pytest.fixture
def answer(monkeypatch):
    """`answer(status, body)` starts a server that answers everything with it, and returns its requests."""
    servers = []

    def start(status, body=b"{}"):
        requests = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                content = self.rfile.read(int(self.headers["Content-Length"]))
                requests.append((self.path, self.headers["Authorization"], content))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        monkeypatch.setenv("WANDB_API_KEY", "y" * 40)
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.server_port}")
        return requests

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_server_is_asked_for_the_owner_of_the_key(answer):
    requests = answer(200, b'{"data": {"viewer": {"id": "1"}}}')
    assert server_problem() is None
    [(path, authorization, content)] = requests
    assert path == "/graphql"
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"api:" + b"y" * 40
    assert b"viewer" in content


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (401, b"{}", "answered 401 Unauthorized to the API key"),
        (403, b"blocked", "answered 403 Forbidden"),
        (200, b'{"data": {"viewer": null}}', "does not know the API key"),
        (200, b"<html>", "gave no usable answer"),
    ],
)
def test_run_goes_on_offline_if_the_server_is_of_no_use(answer, tmp_path, capfd, inspect_wandb, status, body, problem):
    answer(status, body)
    logger = wandb_logger(tmp_path, {}, METADATA)
    logger.log_metrics({"val/psnr": 20.0}, step=1)
    logger.experiment.finish()
    said = capfd.readouterr().err
    assert said.count(problem) == 1
    assert "wandb sync" in said
    assert inspect_wandb(tmp_path)["run_id"] == "1234abcd"


def test_run_goes_on_offline_without_a_network(tmp_path, monkeypatch, capfd, inspect_wandb):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")
        monkeypatch.setenv("WANDB_API_KEY", "y" * 40)
        logger = wandb_logger(tmp_path, {}, METADATA)
        logger.log_metrics({"val/psnr": 20.0}, step=1)
        logger.experiment.finish()
    assert "can't be reached" in capfd.readouterr().err
    assert inspect_wandb(tmp_path)["run_id"] == "1234abcd"


def test_silent_server_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(wandb_server, "CONNECT_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("WANDB_API_KEY", "y" * 40)
        assert "did not answer within 0.2 seconds" in server_problem()


@pytest.mark.slow
@pytest.mark.parametrize(("dies", "knows_artifacts"), [(False, True), (True, True), (False, False)])
def test_run_ends_well_whether_the_server_lives_or_dies(process, tiny, tmp_path, dies, knows_artifacts):
    """Neither a server that dies once the run has begun, nor a crash of W&B's service, ends the run."""
    server = WandbStandIn(dies, knows_artifacts)
    words = [word for word in tiny if word != "logger=none"]
    words += ["logger=wandb", "trainer.max_steps=6", "trainer.log_every_n_steps=1"]
    try:
        done = process(tmp_path, "train", *words, WANDB_API_KEY="y" * 40, WANDB_BASE_URL=server.url)
    finally:
        server.die()
    assert done.status == 0, done.err
    assert json.loads((done.run / "run.json").read_text())["state"] == "finished"
    assert "UpsertBucket" in server.operations
    if dies or not knows_artifacts:
        assert done.err.count("W&B:") == 1
        assert not any("hints/psnr" in row for row in server.history)
        assert "wandb sync" in done.err or not dies
    else:
        assert "W&B" not in done.err
        assert any("train/loss" in row for row in server.history)
        assert any("hints/psnr" in row for row in server.history)


VARIABLES = {
    "WANDB_PROJECT": "photos", "WANDB_ENTITY": "lab", "WANDB_NAME": "mine", "WANDB_RUN_GROUP": "ours",
    "WANDB_TAGS": "a, b",
}  # fmt: skip


def test_environment_variables_count_where_the_config_is_silent(tmp_path, monkeypatch):
    for name, value in {**VARIABLES, "WANDB_DIR": str(tmp_path / "elsewhere")}.items():
        monkeypatch.setenv(name, value)
    silent = wandb_logger(tmp_path, {"name": None}, METADATA)._wandb_init
    assert {key: silent[key] for key in ("project", "entity", "name", "group", "tags")} == {
        "project": "photos", "entity": "lab", "name": "mine", "group": "ours", "tags": ["a", "b"]
    }  # fmt: skip
    assert silent["dir"] == str(tmp_path / "elsewhere")
    explicit = wandb_logger(tmp_path, {"name": "unet"}, METADATA, "p", "e", "g", ["t"])._wandb_init
    assert {key: explicit[key] for key in ("project", "entity", "name", "group", "tags")} == {
        "project": "p", "entity": "e", "name": "unet/now", "group": "g", "tags": ["t"]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({"WANDB_DISABLED": "true"}, "disabled"), ({"WANDB_MODE": "dryrun"}, "offline"), ({"WANDB_MODE": ""}, "offline")],
)
def test_modes_of_the_environment(tmp_path, monkeypatch, variables, expected):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert wandb_logger(tmp_path, {}, METADATA)._wandb_init["mode"] == expected


def test_unknown_mode_is_refused_before_a_run_folder_is_made(command, tiny, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "onlin")
    refused = command("train", *tiny, "logger=wandb")
    assert refused.status == 2
    assert "WANDB_MODE=onlin: unknown mode; choose one of online, offline, disabled." in refused.err
    assert not (refused.folder / "runs").exists()
