"""The command itself: what was typed wrongly, what is missing, and how soon the page is there."""

import os
import subprocess
import sys
import urllib.request

import pytest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "70000"], "--port 70000: is a number from 1 to 65535"),
        (["--model", "nowhere"], "--model nowhere: there is no such run or file of weights; allowed are box, levin"),
        (["--runs", "nowhere"], "--runs nowhere: there is no such folder"),
        (["nowhere.jpg"], "nowhere.jpg: there is no such photo"),
        (["--host", "example.org"], "--host example.org: is an address of this machine"),
    ],
)
def test_what_is_typed_wrongly_is_said(command, words, said):
    made = command("studio", *words)
    assert made.status == 2
    assert made.err.startswith(f"Error: {said}")


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_a_missing_package_is_named_with_what_to_type(command, monkeypatch, package):
    for name in [name for name in sys.modules if name.split(".")[0] == package or "chromahint.studio" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    made = command("studio", "--no-browser")
    assert made.status == 2
    assert f"needs the package {package}: type pip install 'chromahint[studio]'" in made.err


def start(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "chromahint", "studio", "--no-browser", *words],
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_page_is_there_as_soon_as_its_address_is_printed(tmp_path):
    with start(tmp_path) as server:
        address = server.stdout.readline().removeprefix("studio: ").strip()
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert b"<title>Studio" in answer.read()
        server.terminate()
        assert "Traceback" not in server.communicate(timeout=30)[0]
    assert not list(tmp_path.iterdir())


def test_two_studios_have_two_ports_and_a_port_that_is_taken_is_named(tmp_path):
    with start(tmp_path) as first, start(tmp_path) as second:
        ports = [server.stdout.readline().strip().rstrip("/").rpartition(":")[2] for server in (first, second)]
        assert len(set(ports)) == 2
        with start(tmp_path, "--port", ports[0]) as third:
            assert f"--port {ports[0]}: cannot listen on 127.0.0.1" in third.communicate(timeout=30)[0]
            assert third.returncode == 2
        for server in (first, second):
            server.terminate()
            server.communicate(timeout=30)
