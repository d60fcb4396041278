"""A group of runs with synthetic scores."""

import numpy as np
import pytest

from support.synthetic_runs import COUNTS, write_evaluation, write_run


@pytest.fixture(scope="session")
def group(tmp_path_factory):
    """Three comparable runs, two baselines, and three runs that are excluded. Read-only."""
    folder = tmp_path_factory.mktemp("runs") / "group"
    folder.mkdir()
    for number, (name, ahead) in enumerate({"good": 2.0, "better": 3.0, "bad": -4.0}.items()):
        write_run(folder / name, ahead, number=number)
    write_run(folder / "elsewhere", prefix="other", number=3)
    write_run(folder / "seeded", seed=1, number=4)
    write_run(folder / "failed", evaluated=False, number=5)
    for name, psnr in {"levin": 23.0, "pullpush": 21.0}.items():
        node = {"_target_": f"chromahint.models.{name}.{'Levin' if name == 'levin' else 'PullPush'}"}
        write_evaluation(folder / "comparison" / "baselines" / name, np.full((len(COUNTS), 20), psnr), model=node)
    write_evaluation(folder / "comparison" / "baselines" / "gray", np.full((len(COUNTS), 19), 20.0))
    return folder
