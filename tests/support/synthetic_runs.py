"""Run folders with synthetic scores, without training. The same images are hard for every run."""

import csv
import json
import re

import numpy as np

from chromahint.evaluation.hint_counts import ImageResult, aggregate_results
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.ranges import constructor_arguments
from chromahint.runs.run import create_run

COUNTS = [0, 1, 10, 100]


def write_evaluation(folder, psnr, prefix="photo", seed=0, model=None):
    """Write the files of an evaluation with scores psnr, KxP."""
    protocol = RandomPixels(hint_counts=COUNTS, size=64, seed=seed)
    rows = [
        ImageResult(f"{prefix}-{photo}.png", f"id-{prefix}-{photo}", count, round(float(value), 4), 0.9, 0.05)
        for count, values in zip(COUNTS, psnr, strict=True)
        for photo, value in enumerate(values)
    ]
    folder.mkdir(parents=True)
    about = {
        "format": 1,
        "model": model,
        "weights": None,
        "data": {},
        "split": "test",
        "protocol": constructor_arguments(protocol),
    }
    (folder / "evaluation.json").write_text(json.dumps(about))
    (folder / "metrics.json").write_text(json.dumps(aggregate_results(rows, protocol)))
    with (folder / "images.csv").open("w", newline="") as file:
        csv.writer(file).writerows([ImageResult._fields, *rows])


def write_run(folder, ahead=0.0, photos=20, number=0, width=16, evaluated=True, **evaluation):
    """Write a run with `ahead` dB added to its scores; returns them, KxP."""
    model = {"_target_": "chromahint.models.unet.UNet", "width": width}
    config = {"model": model, "optimizer": {"lr": 0.001 * (number + 1)}, "seed": 0}
    run = create_run(folder, config, {"choices": {"model": "unet"}, "command": "chromahint train"})
    run.update_metadata(
        state="finished" if evaluated else "failed", **({} if evaluated else {"error": "the disk was full"})
    )
    steps = np.arange(1, 201)
    noise = np.random.default_rng(number)
    lines = [f"{step},0,train/loss,{0.1 / step * noise.uniform(0.5, 2)}" for step in steps]
    lines += [f"{step},0,val/psnr,{20 + ahead + step / 100}" for step in steps[::50]]
    (folder / "metrics.csv").write_text("\n".join(["step,epoch,name,value", *lines]) + "\n")
    hard = np.random.default_rng(123).uniform(15, 30, photos)
    psnr = hard + 2 * np.arange(len(COUNTS))[:, None] + ahead + noise.normal(0, 0.5, (len(COUNTS), photos))
    if evaluated:
        write_evaluation(folder / "evaluation" / "random_pixels", psnr.round(4), model=model, **evaluation)
    return psnr.round(4)


def content_of(file):
    """Return the content of a page."""
    [data] = re.findall(r'<script type="application/json" id="content">(.*?)</script>', file.read_text(), re.S)
    return json.loads(data)
