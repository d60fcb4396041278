"""How soon the studio's picture follows: from a pointer that moves to painted pixels, beside the network alone.

A real browser drags a point over a photo on the real page, step by step: each step waits until its colours are painted.
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
from pathlib import Path

# as the command does: threads that wait by spinning starve the browser
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import cv2
import numpy as np
import torch
from skimage import data

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

BEFORE = """
performance.clearMarks();
window.moved = 0;
document.addEventListener("pointermove", () => { window.moved = performance.now(); }, { capture: true, once: true });
"""
TAKEN = """
performance.getEntriesByName("painted").map((each) => each.startTime - moved).filter((taken) => moved && taken > 0)
"""


def main() -> None:
    """Measure, and print seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=30, help="of the pointer (30)")
    parser.add_argument("--megapixels", type=float, default=12, help="of the photo (12)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photo = _photo(Path(folder) / "photo.jpg", arguments.megapixels)
        answers = _in_browser(photo, Path(folder), arguments.steps)
    alone = _alone(arguments.steps)
    found = {"pointer to painted": answers, "network alone, 256x256": alone}
    shown = {name: {"median": statistics.median(times), "least": min(times)} for name, times in found.items()}
    if arguments.json:
        print(json.dumps(shown, indent=1))
        return
    for name, times in shown.items():
        print(f"{name:<26}{times['median']:.3f} s in the middle, {times['least']:.3f} s at least")


def _photo(file: Path, megapixels: float) -> Path:
    photo = cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2GRAY)
    width = round((megapixels * 1e6 * 1.5) ** 0.5)
    cv2.imwrite(str(file), cv2.resize(photo, (width, round(width / 1.5)), interpolation=cv2.INTER_CUBIC))
    return file


def _in_browser(photo: Path, folder: Path, steps: int) -> list[float]:
    from browser import Browser

    words = [sys.executable, "-m", "chromahint", "studio", str(photo), "--no-browser"]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    browser = Browser(folder / "profile")
    try:
        browser.open(server.stdout.readline().removeprefix("studio: ").strip())
        browser.wait("document.body.dataset.fine")
        x, y = 500.0, 400.0
        browser.point(x, y)
        browser.point(x, y, "mousePressed", "left")
        times = []
        for step in range(steps + 3):
            time.sleep(0.3)
            browser.wait("!document.body.classList.contains('busy')")  # sharp colours of the step before are done
            browser.do(BEFORE)
            x, y = 500 + 150 * np.cos(step), 400 + 150 * np.sin(step)
            browser.point(x, y, "mouseMoved", "left")
            browser.wait(f"({TAKEN.strip()}).length")
            times.append(browser.do(TAKEN)[0] / 1000)
        return times[3:]
    finally:
        browser.close()
        server.terminate()
        server.wait()


@torch.no_grad()
def _alone(rounds: int) -> list[float]:
    from chromahint import Colorizer
    from chromahint.hints.marks import marks_of

    network = Colorizer.load(device="cpu").network
    lightness = torch.rand(1, 1, 209, 313) * 100  # 256x256 pixels in these proportions
    reading, hints = network.read(lightness), marks_of([(100, 100, "#c04020", 2)]).on(209, 313).at((209, 313))
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        network.spread(reading, hints)
        times.append(time.perf_counter() - start)
    return times


if __name__ == "__main__":
    main()
