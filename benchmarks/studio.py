"""Measure the latency of the studio: from a pointer event to the frame that shows its effect, in a real browser.

A point is dragged over a photo of 12 megapixels, first in single steps with pauses between them, then continuously.
Both are repeated with 49 other points on the photo, which give the network more work. For comparison, the network is
also timed on its own, on the largest preview size.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

# as in the command: threads that spin while they wait would starve the browser
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import cv2
import numpy as np
import torch
from skimage import data

from chromahint.studio.model_list import PREVIEW_SIZES

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))  # for support.browser

SIZE = 256
OTHER_POINTS = [(70 + 130 * column, 150 + 85 * row) for row in range(7) for column in range(7)]
"""Page positions of the points that are added before the second round."""
FIX_PREVIEW_SIZE = """
const original = Response.prototype.json;
Response.prototype.json = async function () {
  const value = await original.call(this);
  return value.preview_sizes ? { ...value, preview_sizes: [SIZE] } : value;
};
"""
MEASURE = """
window.lastMove = 0;
window.requests = [];
window.latencies = [];
window.previewSizes = {};
document.addEventListener("pointermove", (event) => { lastMove = event.timeStamp; }, { capture: true });
const originalFetch = window.fetch;
window.fetch = (url, ...options) => {
  const [, size] = /colors.*size=(\\d+)/.exec(url) ?? [];
  if (/colors/.test(url)) requests.push(size ? lastMove : 0);
  if (size) previewSizes[size] = (previewSizes[size] ?? 0) + 1;
  return originalFetch(url, ...options);
};
const mark = performance.mark.bind(performance);
performance.mark = (name) => {
  const start = requests.shift(), channel = new MessageChannel(); // its message arrives after the frame is submitted
  channel.port1.onmessage = () => { if (start) latencies.push((performance.now() - start) / 1000); };
  requestAnimationFrame(() => channel.port2.postMessage(0));
  return mark(name);
};
"""


def main() -> None:
    """Measure and print latencies in seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=30, help="pointer steps in each round (default: 30)")
    parser.add_argument("--megapixels", type=float, default=12, help="size of the photo (default: 12)")
    parser.add_argument(
        "--preview-size",
        type=int,
        choices=PREVIEW_SIZES,
        help="use this preview size, however slow the responses are",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photo = _write_photo(Path(folder) / "photo.jpg", arguments.megapixels)
        timings, sizes = _measure_in_browser(photo, Path(folder), arguments.steps, arguments.preview_size)
    timings[f"network only, {SIZE}x{SIZE}"] = _measure_network(arguments.steps)
    summary = {
        name: {"median": statistics.median(times), "min": min(times), "max": max(times)}
        for name, times in timings.items()
    }
    if arguments.json:
        print(json.dumps(summary | {"preview_sizes": sizes}, indent=1))
        return
    for name, times in summary.items():
        print(f"{name:<56}median {times['median']:.3f} s, range {times['min']:.3f} to {times['max']:.3f} s")
    used = ", ".join(f"{size}x{size} ({count} times)" for size, count in sizes.items())
    print(f"preview sizes while dragging without a pause: {used}")


def _write_photo(file: Path, megapixels: float) -> Path:
    photo = cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2GRAY)
    width = round((megapixels * 1e6 * 1.5) ** 0.5)
    cv2.imwrite(str(file), cv2.resize(photo, (width, round(width / 1.5)), interpolation=cv2.INTER_CUBIC))
    return file


def _measure_in_browser(
    photo: Path, folder: Path, steps: int, preview_size: int | None
) -> tuple[dict[str, list[float]], dict[str, int]]:
    from support.browser import Browser

    command = [sys.executable, "-m", "chromahint", "studio", str(photo), "--no-browser"]
    start = time.perf_counter()
    # the home folder, where the page saves what is done here, is a temporary one
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "HOME": str(folder)}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    browser = Browser(folder / "profile")
    try:
        address = server.stdout.readline().removeprefix("studio: ").strip()
        startup = time.perf_counter() - start
        if preview_size is not None:
            script = FIX_PREVIEW_SIZE.replace("SIZE", str(preview_size))
            browser.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        browser.open(address)
        browser.wait_for("document.body.dataset.updates")
        timings = {"command to address": [startup], "command to displayed photo": [time.perf_counter() - start]}
        browser.evaluate(MEASURE)
        sizes: Counter[str] = Counter()
        for others in ([], OTHER_POINTS):
            for position in others:
                browser.drag(position)
            times, used_sizes = _measure_drag(browser, steps)
            suffix = f", among {len(others)} points" if others else ""
            timings |= {name + suffix: seconds for name, seconds in times.items()}
            sizes.update(used_sizes)
        return timings, dict(sizes)
    finally:
        browser.close()
        server.terminate()
        server.wait()


def _measure_drag(browser: Any, steps: int) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Drag a point; return latencies in seconds, and how often each preview size was used."""
    browser.mouse(500, 400)
    browser.mouse(500, 400, "mousePressed", "left")
    single = []
    for step in range(steps + 5):
        time.sleep(0.3)
        browser.wait_for("!document.body.classList.contains('busy')")  # the previous step is finished
        browser.evaluate("latencies.length = 0")
        browser.response(_step(browser, step))
        browser.wait_for("latencies.length")
        single.append(browser.evaluate("latencies[0]"))
    browser.evaluate("latencies.length = 0; previewSizes = {}")
    start = time.perf_counter()
    sent = []
    for step in range(20 * steps):
        sent.append(_step(browser, step / 10))  # a hand does not wait for the picture
        time.sleep(max(0, start + (step + 1) / 60 - time.perf_counter()))
    for number in sent:
        browser.response(number)
    duration, latencies = time.perf_counter() - start, browser.evaluate("latencies")
    browser.mouse(650, 400, "mouseReleased", "left")
    return {
        "pointer to picture, after a pause": single[5:],
        "pointer to picture, without a pause": latencies,
        "from one picture to the next": [duration / len(latencies)],
    }, browser.evaluate("previewSizes")


def _step(browser: Any, step: float) -> int:
    x, y = 500 + 150 * np.cos(step), 400 + 150 * np.sin(step)
    number: int = browser.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, button="left", buttons=1)
    return number


@torch.no_grad()
def _measure_network(rounds: int) -> list[float]:
    from chromahint import Colorizer
    from chromahint.hints.annotations import parse_annotations

    network = Colorizer.load(device="cpu").network
    size = round(SIZE / 1.5**0.5), round(SIZE * 1.5**0.5)
    encoding = network.encode(torch.rand(1, 1, *size) * 100)
    hints = parse_annotations([(100, 100, "#c04020", 2)]).rasterize(*size).to_dense(size)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        network.propagate(encoding, hints)
        times.append(time.perf_counter() - start)
    return times


if __name__ == "__main__":
    main()
