"""A stand-in for SLURM on this machine, after its documentation: sbatch, srun, squeue, sacct and scontrol.

`install(folder)` puts them into FOLDER/bin. A job array starts at once, with as many tasks at a time as its %N says. A
task runs the script in bash, with the variables that sbatch sets, and srun starts as many processes as --nodes and
--ntasks-per-node say, all on this machine. FOLDER/sbatch.json has what was requested, and FOLDER/states.json the states
of the jobs.
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

FIRST_JOB = 4711


def install(folder):
    tools = folder / "bin"
    tools.mkdir(parents=True)
    for name in ("sbatch", "srun", "squeue", "sacct", "scontrol"):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} {folder} {name} "$@"\n')
        tool.chmod(0o755)
    return f"{tools}:{os.environ['PATH']}"


def change(folder, file, key=None, value=None):
    """Read a JSON file under a lock, after setting a key if one is given."""
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
            break  # sbatch ignores options after the first command
        if line.startswith("#SBATCH "):
            [word] = shlex.split(line.removeprefix("#SBATCH "))
            name, _, value = word.removeprefix("--").partition("=")
            options[name] = value
    if options.get("partition") == "none":
        print("sbatch: error: invalid partition specified: none", file=sys.stderr)
        return 1
    number = FIRST_JOB + len(change(folder, "sbatch.json"))
    change(folder, "sbatch.json", str(number), {"options": options, "arguments": arguments})
    first, last, limit = map(int, re.fullmatch(r"(\d+)-(\d+)%(\d+)", options["array"]).groups())
    for task in range(first, last + 1):
        change(folder, "states.json", f"{number}_{task}", "PENDING")
    call = [sys.executable, __file__, str(folder), "controller", str(number), script, json.dumps(options), str(limit)]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.Popen(call, start_new_session=True, **quiet)
    print(number if "--parsable" in arguments else f"Submitted batch job {number}")
    return 0


def controller(folder, number, script, options, limit):
    options = json.loads(options)
    nodes, tasks = int(options["nodes"]), int(options["ntasks-per-node"])
    array = [job.partition("_")[2] for job in change(folder, "states.json") if job.startswith(f"{number}_")]

    def run(task):
        job = f"{number}_{task}"
        change(folder, "states.json", job, "RUNNING")
        variables = {
            "SLURM_JOB_ID": str(int(number) + 100 + int(task)),
            "SLURM_ARRAY_JOB_ID": number,
            "SLURM_ARRAY_TASK_ID": task,
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
        output = options["output"].replace("%A", number).replace("%a", task).replace("%%", "%")
        with Path(output).open("ab") as file:
            done = subprocess.run(
                ["bash", script],
                cwd=options["chdir"],
                env=os.environ | variables,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        change(folder, "states.json", job, "COMPLETED" if done.returncode == 0 else "FAILED")

    with ThreadPoolExecutor(int(limit)) as pool:
        list(pool.map(run, array))


def srun(folder, *arguments):
    options = list(itertools.takewhile(lambda word: word.startswith("--"), arguments))
    command = arguments[len(options) :]
    tasks, each = int(os.environ["SLURM_NTASKS"]), int(os.environ["SLURM_NTASKS_PER_NODE"])
    processes = []
    for number in range(tasks):
        ranks = {"SLURM_PROCID": number, "SLURM_LOCALID": number % each, "SLURM_NODEID": number // each}
        variables = {name: str(value) for name, value in ranks.items()}
        processes.append(subprocess.Popen(command, env=os.environ | variables))
    worst = 0
    while processes:
        for process in list(processes):
            if (status := process.poll()) is not None:
                processes.remove(process)
                worst = max(worst, status if status >= 0 else 128 - status)
                if status and "--kill-on-bad-exit=1" in options:
                    for other in processes:
                        other.terminate()
        time.sleep(0.05)
    return worst


def squeue(folder, *arguments):
    assert "--array" in arguments  # without it, pending tasks share one line
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
