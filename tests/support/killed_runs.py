"""Train, be killed, resume: a script that forks, so that torch is imported once for many runs.

`python killed_runs.py PLAN`: PLAN is a JSON file, a list of [folder, words, kills]. Each entry is trained by the real
command, `chromahint train WORDS`, in `folder`. Each of `kills` names a moment and how often it has to come before the
process is killed with SIGKILL (or another signal): {"moment": "step", "count": 7, "signal": 9}. After each kill the
run is resumed, until it ends, unless the last of `kills` is "leave"; the exit statuses are written to
`folder/statuses.json`.
"""

import json
import os
import signal
import sys
from pathlib import Path

import torch

import chromahint.training.train  # noqa: F401  # what a child would import
from chromahint import atomic_write
from chromahint.cli import main as cli
from chromahint.training.lightning_module import ColorizationModule


def after(owner, name, count, number):
    """Send this process a signal when `owner.name` has been called `count` times."""
    real = getattr(owner, name)
    calls = [0]

    def call(*arguments, **options):
        calls[0] += 1
        if calls[0] == count:
            os.kill(os.getpid(), number)
        return real(*arguments, **options)

    setattr(owner, name, call)


MOMENTS = {
    "step": (ColorizationModule, "training_step"),
    "gradient": (ColorizationModule, "on_after_backward"),
    "validation": (ColorizationModule, "validation_step"),
    "scores": (ColorizationModule, "on_validation_epoch_end"),
    "write": (atomic_write.os, "fsync"),
}


def run(folder, words, kill):
    """Run the command in a child; returns its exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        with (Path(folder) / "output.txt").open("a") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        if kill:
            after(*MOMENTS[kill["moment"]], kill["count"], kill.get("signal", signal.SIGKILL))
        sys.argv = ["chromahint", *words]
        os._exit(cli.main(words))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def carry_out(plan):
    """Train, kill and resume every entry of a plan."""
    for folder, words, kills in plan:
        Path(folder).mkdir(parents=True)
        statuses = []
        for kill in [*kills, None] if kills[-1:] != ["leave"] else kills[:-1]:
            made = list(Path(folder).glob("runs/run/*"))
            command = ["resume", str(made[0])] if made else ["train", *words, f"runs_dir={folder}/runs", "name=run"]
            statuses.append(run(folder, command, kill))
            if statuses[-1] == 0:
                break
        (Path(folder) / "statuses.json").write_text(json.dumps(statuses))


if __name__ == "__main__":
    torch.set_num_threads(1)
    carry_out(json.loads(Path(sys.argv[1]).read_text()))
