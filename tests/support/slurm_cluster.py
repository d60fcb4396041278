"""SLURM on this machine, as far as its documentation says: sbatch, srun, squeue, sacct and scontrol.

`install(folder)` puts them into FOLDER/bin. A job array begins at once, with as many tasks at a time as its %N says. A
task is the script itself in bash, with the variables that sbatch sets, and srun starts as many processes as --nodes and
--ntasks-per-node say, all on this machine. What was asked and what came of it stands in FOLDER: sbatch.json and
states.json.
"""

import fcntl
import itertools
import json
import os
import re
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

NUMBER = 4711


def install(folder):
    tools = folder / "bin"
    tools.mkdir(parents=True)
    for name in ("sbatch", "srun", "squeue", "sacct", "scontrol"):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} {folder} {name} "$@"\n')
        tool.chmod(0o755)
    return f"{tools}:{os.environ['PATH']}"


def change(folder, file, key=None, value=None):
    """Read a JSON file under a lock, with one more value in it."""
    with (folder / f"{file}.lock").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        content = json.loads((folder / file).read_text()) if (folder / file).exists() else {}
        if key is not None:
            content[key] = value
            (folder / file).write_text(json.dumps(content))
        return content


def sbatch(folder, *arguments):
    script = arguments[-1]
    lines = Path(script).read_text().splitlines()
    assert lines[0].startswith("#!/")
    options = {}
    for line in lines[1:]:
        if line and not line.startswith("#"):
            break  # sbatch reads no options behind the first command
        if line.startswith("#SBATCH "):
            [word] = shlex.split(line.removeprefix("#SBATCH "))
            name, _, value = word.removeprefix("--").partition("=")
            options[name] = value
    if options.get("partition") == "none":
        print("sbatch: error: invalid partition specified: none", file=sys.stderr)
        return 1
    number = NUMBER + len(change(folder, "sbatch.json"))
    change(folder, "sbatch.json", str(number), {"options": options, "arguments": arguments})
    first, last, at_once = map(int, re.fullmatch(r"(\d+)-(\d+)%(\d+)", options["array"]).groups())
    for place in range(first, last + 1):
        change(folder, "states.json", f"{number}_{place}", "PENDING")
    call = [sys.executable, __file__, str(folder), "controller", str(number), script, json.dumps(options), str(at_once)]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.Popen(call, start_new_session=True, **quiet)
    print(number if "--parsable" in arguments else f"Submitted batch job {number}")
    return 0


def controller(folder, number, script, options, at_once):
    options = json.loads(options)
    nodes, tasks = int(options["nodes"]), int(options["ntasks-per-node"])
    places = [job.partition("_")[2] for job in change(folder, "states.json") if job.startswith(f"{number}_")]

    def run(place):
        job = f"{number}_{place}"
        change(folder, "states.json", job, "RUNNING")
        told = {
            "SLURM_JOB_ID": str(int(number) + 100 + int(place)),
            "SLURM_ARRAY_JOB_ID": number,
            "SLURM_ARRAY_TASK_ID": place,
            "SLURM_JOB_NAME": options["job-name"],
            "SLURM_NNODES": str(nodes),
            "SLURM_JOB_NUM_NODES": str(nodes),
            "SLURM_NTASKS": str(nodes * tasks),
            "SLURM_NTASKS_PER_NODE": str(tasks),
            "SLURM_JOB_NODELIST": "localhost",
            "SLURM_NODELIST": "localhost",
            "SLURM_PROCID": "0",
            "SLURM_LOCALID": "0",
            "SLURM_NODEID": "0",
        }
        output = options["output"].replace("%A", number).replace("%a", place).replace("%%", "%")
        with Path(output).open("ab") as file:
            done = subprocess.run(
                ["bash", script], cwd=options["chdir"], env=os.environ | told, stdout=file, stderr=subprocess.STDOUT
            )
        change(folder, "states.json", job, "COMPLETED" if done.returncode == 0 else "FAILED")

    with ThreadPoolExecutor(int(at_once)) as pool:
        list(pool.map(run, places))


def srun(folder, *arguments):
    options = list(itertools.takewhile(lambda word: word.startswith("--"), arguments))
    command = arguments[len(options) :]
    tasks, each = int(os.environ["SLURM_NTASKS"]), int(os.environ["SLURM_NTASKS_PER_NODE"])
    processes = []
    for number in range(tasks):
        told = {"SLURM_PROCID": number, "SLURM_LOCALID": number % each, "SLURM_NODEID": number // each}
        processes.append(subprocess.Popen(command, env=os.environ | {name: str(v) for name, v in told.items()}))
    worst = 0
    while processes:
        for process in list(processes):
            if (status := process.poll()) is not None:
                processes.remove(process)
                worst = max(worst, status if status >= 0 else 128 - status)
                if status and "--kill-on-bad-exit=1" in options:
                    for other in processes:
                        other.terminate()
        time.sleep(0.1)
    return worst


def squeue(folder, *arguments):
    assert "--array" in arguments  # without it, tasks that wait are one line
    assert arguments[-2:] == ("--format", "%i")
    for job, state in change(folder, "states.json").items():
        if state in ("PENDING", "RUNNING"):
            print(job)
    return 0


def sacct(folder, *arguments):
    assert arguments[-2] == "--jobs"
    print(change(folder, "states.json").get(arguments[-1], ""))
    return 0


def scontrol(folder, *arguments):
    change(folder, "scontrol.json", " ".join(arguments), True)
    return 0


if __name__ == "__main__":
    tools = {tool.__name__: tool for tool in (sbatch, controller, srun, squeue, sacct, scontrol)}
    sys.exit(tools[sys.argv[2]](Path(sys.argv[1]), *sys.argv[3:]))
