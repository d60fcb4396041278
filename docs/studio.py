"""Take the pictures of the studio that the documents show: `python docs/studio.py docs` drives the real page.

A photo that comes with scikit-image gets points in its own colours, as a person would who remembers them.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from skimage import data

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

PLACES = [
    (0.43, 0.12), (0.35, 0.25), (0.12, 0.3), (0.9, 0.1), (0.5, 0.52), (0.62, 0.3), (0.42, 0.45), (0.25, 0.75),
    (0.7, 0.75), (0.88, 0.88), (0.08, 0.9), (0.5, 0.94), (0.8, 0.45),
]  # fmt: skip


def main() -> None:
    """Write studio.jpg, studio-dark.jpg and studio-tablet.jpg into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    folder = parser.parse_args().folder
    from browser import Browser

    server = subprocess.Popen(
        [sys.executable, "-m", "chromahint", "studio", "--no-browser"],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        browser = Browser(Path(scratch) / "profile")
        try:
            address = server.stdout.readline().removeprefix("studio: ").strip()
            browser.open(address)
            browser.wait("document.body.dataset.ready === 'yes'")
            browser.do("document.querySelectorAll('#samples button')[2].click()")
            browser.wait("document.body.dataset.fine")
            browser.give("#file", _session(Path(scratch) / "coffee.json"))
            time.sleep(3)
            browser.press("3")
            _shoot(browser, folder / "studio.jpg")
            for name, options in {"dark": {"dark": True}, "tablet": {"width": 820, "height": 1180}}.items():
                browser.open(address, **options)
                browser.wait("document.body.dataset.fine")
                _shoot(browser, folder / f"studio-{name}.jpg")
        finally:
            browser.close()
            server.terminate()
            server.wait()


def _session(file: Path) -> Path:
    photo = data.coffee()
    height, width = photo.shape[:2]
    points = []
    for across, down in PLACES:
        x, y = round(across * width), round(down * height)
        color = photo[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(axis=0).round().astype(int)
        points.append({"x": x, "y": y, "radius": 3, "color": "#{:02x}{:02x}{:02x}".format(*color)})
    file.write_text(json.dumps({"format": "chromahint-hints/1", "points": points}))
    return file


def _shoot(browser: object, file: Path) -> None:
    time.sleep(3)
    Image.open(io.BytesIO(browser.picture())).convert("RGB").save(file, quality=88)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
