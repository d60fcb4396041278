"""Run folders with synthetic scores, without training. The same images are hard for every run."""

import csv
import json
import re

import numpy as np

from chromahint.runs.run import create_run

COUNTS = [0, 1, 10, 100]
CLICKS = [0, 1, 2, 3, 5, 10, 20, 50]
PROTOCOLS = {
    "random_pixels": {
        "_target_": "chromahint.evaluation.protocols.random_pixels.RandomPixels", "hint_counts": COUNTS, "size": 64,
        "seed": 0,
    },
    "clicks": {
        "_target_": "chromahint.evaluation.protocols.clicks.Clicks", "hint_counts": CLICKS, "size": 64,
        "targets": [26.0, 28.0, 30.0, 32.0],
    },
}  # fmt: skip


def scores_of(psnr):
    """Every metric of format 2, as functions of PSNR, so that tests can compute them, too."""
    return {
        "psnr": psnr,
        "ssim": np.full_like(psnr, 0.9),
        "ciede2000": 40 - psnr,
        "ciede2000_p95": 80 - 2 * psnr,
        "colorfulness_difference": psnr - 30,
    }


def write_evaluation(
    folder, psnr, prefix="photo", seed=0, model=None, protocol="random_pixels", colorless=(), keep_colorless=False,
    format=2, hint_counts=COUNTS, clicks=CLICKS[-1],
):  # fmt: skip
    """Write the files of an evaluation.

    Args:
        folder: folder of the evaluation.
        psnr: scores, KxP; with protocol="clicks", for every click from 0 on.
        prefix: start of the names of images.
        seed: seed of the protocol.
        model: config node of the network.
        protocol: random_pixels or clicks.
        colorless: numbers of photos without color.
        keep_colorless: whether means include them, as in the published protocols.
        format: 1 for the files of earlier versions, which lack most metrics.
        hint_counts: hint counts of random_pixels, K distinct numbers of hints.
        clicks: largest number of clicks.
    """
    if protocol == "random_pixels":
        own_options = {"seed": seed, "hint_counts": hint_counts}
    else:
        own_options = {"hint_counts": [count for count in CLICKS if count <= clicks]}
    options = PROTOCOLS[protocol] | own_options
    counts = hint_counts if protocol == "random_pixels" else list(range(len(psnr)))
    scores = {name: np.round(values, 4) for name, values in scores_of(np.asarray(psnr, float)).items()}
    scores = scores if format == 2 else {name: scores[name] for name in ("psnr", "ssim")}
    ids = [f"id-{prefix}-{photo}" for photo in range(scores["psnr"].shape[1])]
    included = [photo for photo in range(len(ids)) if keep_colorless or photo not in colorless]
    means = {name: values[:, included].mean(1) for name, values in scores.items()}
    metrics = {
        "format": format,
        "protocol": protocol,
        "measures": "PSNR in dB over SSIM, 8-bit RGB",
        "size": [64, 64],
        "images": len(included),
        "by_hints": {
            str(count): {name: values[counts.index(count)] for name, values in means.items()}
            for count in options["hint_counts"]
        },
    }
    if format == 2:
        options = options | {"min_chroma": 2.0, "extra_metrics": []}
        ids_colorless = [ids[photo] for photo in colorless]
        metrics["colorless"] = {"min_chroma": 2.0, "images": len(colorless), "ids": ids_colorless}
    if protocol == "clicks":
        reached = scores["psnr"][:, included, None] >= np.array(options["targets"])
        clicks = np.where(reached.any(0), reached.argmax(0), len(counts))
        metrics["clicks_to"] = {
            f"{target:g}": {"mean": each.mean(), "median": float(np.median(each)),
                            "not_reached": float((each == len(counts)).mean())}
            for target, each in zip(options["targets"], clicks.T, strict=True)
        }  # fmt: skip
        x = np.log1p(counts)
        metrics["auc"] = {name: float(np.trapezoid(values, x) / x[-1]) for name, values in means.items()}
    flags = [["colorless", int(photo in colorless)] for photo in range(len(ids))] if format == 2 else [[]] * len(ids)
    rows = [
        [
            f"{prefix}-{photo}.png",
            image_id,
            count,
            *flags[photo][1:],
            *(each[row, photo] for each in scores.values()),
            0.05,
        ]
        for row, count in enumerate(counts)
        for photo, image_id in enumerate(ids)
    ]
    folder.mkdir(parents=True)
    about = {"format": 1, "model": model, "weights": None, "data": {}, "split": "test", "protocol": options}
    (folder / "evaluation.json").write_text(json.dumps(about))
    (folder / "metrics.json").write_text(json.dumps(metrics))
    with (folder / "images.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "id", "k", *flags[0][:1], *scores, "seconds"], *rows])


def write_run(folder, ahead=0.0, photos=20, number=0, width=16, evaluated=True, protocol="random_pixels", **evaluation):
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
    if protocol == "clicks":
        gain = 3 * np.log1p(np.arange(CLICKS[-1] + 1))[:, None]
    else:
        gain = 2.0 * np.arange(len(COUNTS))[:, None]
    psnr = hard + gain + ahead + noise.normal(0, 0.5, (len(gain), photos))
    if evaluated:
        write_evaluation(folder / "evaluation" / protocol, psnr.round(4), model=model, protocol=protocol, **evaluation)
    return psnr.round(4)


def content_of(file):
    """Return the content of a page."""
    [data] = re.findall(r'<script type="application/json" id="content">(.*?)</script>', file.read_text(), re.S)
    return json.loads(data)
