"""Run commands whose n-th change to files fails, or is the moment of a signal (see faults.c)."""

import os
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
COMPILER = shutil.which("cc")


@dataclass
class Ended:
    """A command that has ended."""

    status: int
    output: str
    changes: int


def build(folder):
    """Compile the library; returns its path."""
    library = folder / "faults.so"
    subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    return library


class FaultInjector:
    """Runs `chromahint` in a folder, and counts the changes to files below it.

    Args:
        library: What `build` returned.
        program: In place of `sys.executable`; the first one that runs with the library has to be run by this class.
    """

    def __init__(self, library, program):
        self.library, self.program = library, program

    def run(self, folder, *words, at=0, action="full", timeout=600, **environment):
        """Run a command in a folder that exists; at the change number `at`, do what `action` says."""
        counter = Path(f"{folder}.changes")
        counter.unlink(missing_ok=True)
        done = subprocess.run(
            [self.program, "-m", "chromahint", *map(str, words)],
            cwd=folder,
            env={
                **os.environ,
                "LD_PRELOAD": str(self.library),
                "FAULT_FOLDER": f"{folder}/",
                "FAULT_COUNTER": str(counter),
                "FAULT_AT": str(at),
                "FAULT_ACTION": str(action),
                "WANDB_SERVICE": "",
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        changes = struct.unpack("q", counter.read_bytes())[0] if counter.exists() else 0
        return Ended(done.returncode, done.stdout, changes)
