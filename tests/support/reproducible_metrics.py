"""What metrics.csv of two identical runs has in common: everything but what a clock measured."""

TIMINGS = ("train/images_per_second", "train/data_wait")


def reproducible_metrics(run):
    """The lines of metrics.csv without timings."""
    lines = (run / "metrics.csv").read_text().splitlines()
    return [line for line in lines if not line.split(",")[2].startswith(TIMINGS)]
