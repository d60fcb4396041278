"""Measure how long the studio takes on a slow line, emulated by a real browser.

Times in seconds, each from the click or the address to what a person waits for: the start page with its pictures, a
sample photo in gray, its first coloring, its final one, the same photo once more, and the start page again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))  # for support.browser

READY = "document.body?.dataset.ready === 'yes'"
PICTURES = "[...document.querySelectorAll('#samples img')].every(({ complete }) => complete)"
GRAY = "!document.body.classList.contains('start-page-open')"
COLORED = "performance.getEntriesByName('drawn').length > 0"
FINAL = "Boolean(document.body.dataset.updates)"
SAMPLE = "document.querySelector('#samples button[value=coffee]').click()"


def main() -> None:
    """Measure and print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kbit", type=float, default=480, help="kbit/s of the line, in each direction (default: 480)")
    parser.add_argument("--latency", type=float, default=100, help="milliseconds of a request (default: 100)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        project = Path(folder, "project")
        project.mkdir()
        server = subprocess.Popen(
            [sys.executable, "-m", "chromahint", "studio", "--no-browser", str(project)],
            cwd=folder, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        try:
            assert server.stdout is not None
            result = measure(server.stdout.readline().removeprefix("studio: ").strip(), folder, arguments)
        finally:
            server.terminate()
            server.wait()
    if arguments.json:
        print(json.dumps(result))
        return
    for name, seconds in result.items():
        print(f"{name:<32}{seconds:6.1f} s")


def measure(address: str, folder: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Return the seconds of each step."""
    from support.browser import Browser

    warm_up = Browser(Path(folder, "first profile"))  # the network is loaded once, whatever the line
    warm_up.open(address)
    warm_up.wait_for(f"{READY} && {PICTURES}")
    warm_up.evaluate(SAMPLE)
    warm_up.wait_for(COLORED)
    warm_up.close()

    browser = Browser(Path(folder, "second profile"))
    throughput = arguments.kbit * 1000 / 8
    browser.call(
        "Network.emulateNetworkConditions",
        offline=False, latency=arguments.latency, downloadThroughput=throughput, uploadThroughput=throughput,
    )  # fmt: skip
    result = {}

    def step(name: str, condition: str, start: float) -> None:
        browser.wait_for(condition)
        result[name] = round(time.perf_counter() - start, 2)

    start = time.perf_counter()
    browser.call("Page.navigate", url=address)
    step("start page", READY, start)
    step("its pictures", PICTURES, start)
    time.sleep(1)
    for name in ("sample photo", "the same once more"):
        browser.evaluate(f"delete document.body.dataset.updates; performance.clearMarks('drawn'); {SAMPLE}")
        start = time.perf_counter()
        step(f"{name}, in gray", GRAY, start)
        step(f"{name}, in color", COLORED, start)
        step(f"{name}, finished", FINAL, start)
        wait_until_idle(browser)
        browser.evaluate("document.getElementById('home').click()")
        browser.wait_for("document.body.classList.contains('start-page-open')")
    start = time.perf_counter()
    browser.call("Page.navigate", url="about:blank")
    browser.call("Page.navigate", url=address)
    step("start page, again", READY, start)
    browser.close()
    return result


def wait_until_idle(browser: Any) -> None:
    """Wait until nothing is loading anymore."""
    previous = None
    count = "performance.getEntriesByType('resource').length + Number(document.body.classList.contains('busy'))"
    while previous != (previous := browser.evaluate(count)):
        time.sleep(2)


if __name__ == "__main__":
    main()
