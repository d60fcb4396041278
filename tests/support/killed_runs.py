"""Train, be killed, resume: forks a process per attempt, so that torch is imported once for all of them.

`python -m support.killed_runs PLAN`: PLAN is a JSON file with a list of entries. An entry trains `words`, with the
command `chromahint train`, in `folder`, and continues after each kill until the run ends:

    folder, words
    kills: A list of {"moment", "count", "signal"}: the n-th attempt receives the signal, SIGKILL by default, when the
        moment has come for the count-th time.
    rerun: True if an attempt after a kill runs the same command again, as SLURM does, instead of `chromahint resume`.
    environments: Environment variables of the n-th attempt.

The exit statuses are written to `folder/statuses.json`, and all output to `folder/output.txt`.
"""

import json
import os
import signal
import sys
from pathlib import Path

import torch

import chromahint.training.train  # noqa: F401  # a child would import it
from chromahint import atomic_write
from chromahint.cli import main as cli
from chromahint.training import final_evaluation
from chromahint.training.lightning_module import ColorizationModule

MOMENTS = {
    "step": (ColorizationModule, "training_step"),
    "gradient": (ColorizationModule, "on_after_backward"),
    "validation": (ColorizationModule, "validation_step"),
    "scores": (ColorizationModule, "on_validation_epoch_end"),
    "write": (atomic_write.os, "fsync"),
}


def kill_at(owner, name, count, number):
    """Send this process a signal when `owner.name` is called for the count-th time."""
    real = getattr(owner, name)
    calls = [0]

    def call(*arguments, **options):
        calls[0] += 1
        if calls[0] == count:
            os.kill(os.getpid(), number)
        return real(*arguments, **options)

    setattr(owner, name, call)


def run(folder, words, kill, environment):
    """Run the command in a child; returns its exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        os.environ.update(environment)
        os.chdir(folder)
        with (Path(folder) / "output.txt").open("a") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        # figures take longer than training does here
        final_evaluation.write_figure = lambda figure, path: path
        if kill:
            kill_at(*MOMENTS[kill["moment"]], kill["count"], kill.get("signal", signal.SIGKILL))
        sys.argv = ["chromahint", *words]
        os._exit(cli.main(words))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def carry_out(plan):
    """Train, kill and resume every entry of a plan."""
    for entry in plan:
        folder, statuses = Path(entry["folder"]), []
        folder.mkdir(parents=True)
        environments = entry.get("environments", [])
        for attempt, kill in enumerate([*entry["kills"], None]):
            runs = list(folder.glob("runs/run/*"))
            words = ["train", *entry["words"], f"runs_dir={folder}/runs", "name=run"]
            if runs and not entry.get("rerun"):
                words = ["resume", str(runs[0])]
            environment = environments[attempt] if attempt < len(environments) else {}
            statuses.append(run(folder, words, kill, environment))
            if statuses[-1] == 0:
                break
        (folder / "statuses.json").write_text(json.dumps(statuses))


if __name__ == "__main__":
    torch.set_num_threads(1)
    carry_out(json.loads(Path(sys.argv[1]).read_text()))
