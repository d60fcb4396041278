"""Start training processes in milliseconds: a server forks them from an interpreter that has imported torch.

`install(folder)` returns the path of a program to use in place of `sys.executable`; a program `chromahint` is next to
it. It runs `-m chromahint...` and
`-m support...` in a child of the server, with its own environment, working directory, arguments and standard streams.
Signals are passed on, and exit statuses are returned. Everything else is run by Python itself. The server is started on
first use, and stops when the folder is deleted.

`python fork_server.py SOCKET` is the server. `python fork_server.py SOCKET ARGUMENTS` is the program.
"""

import contextlib
import fcntl
import io
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1)
TESTS = str(Path(__file__).resolve().parents[1])


def install(folder):
    if not sys.platform.startswith("linux"):
        return sys.executable
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "python"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{__file__}" "{folder}/socket" "$@"\n')
    command = folder / "chromahint"
    command.write_text(f'#!/bin/sh\nexec "{program}" -m chromahint "$@"\n')
    for file in (program, command):
        file.chmod(0o755)
    return str(program)


# --- the program


def run(path, arguments):
    """Run `python ARGUMENTS` in a child of the server; does not return."""
    if (
        len(arguments) < 2
        or arguments[0] != "-m"
        or not arguments[1].startswith(("chromahint", "support"))
        or limited()
    ):
        os.execv(sys.executable, [sys.executable, *arguments])
    connection = connect(path)
    ignored = [number for number in SIGNALS if signal.getsignal(number) == signal.SIG_IGN]
    for number in set(SIGNALS) - set(ignored):
        signal.signal(number, lambda number, _: connection.send(bytes([number])))
    request = {
        "arguments": arguments[1:],
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "ignored": ignored,
    }
    content = json.dumps(request | {"executable": str(Path(path).with_name("python"))}).encode()
    socket.send_fds(connection, [struct.pack("!q", len(content))], [0, 1, 2])
    connection.sendall(content)
    answer = connection.recv(4)
    status = struct.unpack("!i", answer)[0] if answer else 1
    if status < 0:
        signal.signal(-status, signal.SIG_DFL) if -status != signal.SIGKILL else None
        os.kill(os.getpid(), -status)
        time.sleep(60)
    os._exit(status)


def limited():
    """Whether this process has limits that a child of the server would not have."""
    import resource

    return resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY


def connect(path):
    """Connect to the server, and start it if necessary."""
    with Path(f"{path}.lock").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
        except OSError:
            Path(path).unlink(missing_ok=True)
            with Path(f"{path}.log").open("w") as log:
                streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": log}
                # Lightning reads the rank of a process on import: the first program may be the second of two
                environment = {k: v for k, v in os.environ.items() if not k.endswith(("RANK", "SLURM_PROCID"))}
                server = subprocess.Popen(
                    [sys.executable, __file__, path], start_new_session=True, cwd="/", env=environment, **streams
                )
            while not Path(path).exists():
                assert server.poll() is None, f"see {path}.log"
                time.sleep(0.02)
            connection.connect(path)
    return connection


# --- the server


def serve(path):
    """Fork a child for each request, until the folder is deleted; returns the request in each child."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"{path}.new")
    listening.listen(100)
    Path(f"{path}.new").rename(path)
    children = {}  # connection -> process
    while Path(path).exists():
        ready, _, _ = select.select([listening, *children], [], [], 0.02 if children else 1)
        for connection in ready:
            if connection is listening:
                connection, _ = listening.accept()
                request, streams = receive(connection)
                child = os.fork()
                if child == 0:
                    for each in (listening, connection, *children):
                        each.close()
                    become(request, streams)
                    return request
                for stream in streams:
                    os.close(stream)
                children[connection] = child
            elif connection in children:
                number = connection.recv(1)
                # the program was killed if it has closed the connection
                os.kill(children[connection], number[0] if number else signal.SIGKILL)
                if not number:
                    os.waitpid(children.pop(connection), 0)
                    connection.close()
        for connection, child in list(children.items()):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                with contextlib.suppress(OSError):
                    connection.send(struct.pack("!i", os.waitstatus_to_exitcode(status)))
                connection.close()
                del children[connection]
    for child in children.values():
        os.kill(child, signal.SIGKILL)
    os._exit(0)


def receive(connection):
    size, streams, _, _ = socket.recv_fds(connection, 8, 3)
    with connection.makefile("rb") as file:
        return json.loads(file.read(struct.unpack("!q", size)[0])), streams


def become(request, streams):
    """Give this process the streams, environment, folder and signals of the program."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request["environment"])
    if "CHROMAHINT_PARENT_PID" in os.environ:
        os.environ["CHROMAHINT_PARENT_PID"] = str(os.getppid())
    os.chdir(request["folder"])
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN if number in request["ignored"] else signal.SIG_DFL)
    if signal.SIGINT not in request["ignored"]:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.executable = request["executable"]
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    for name, number in (("stdout", 1), ("stderr", 2)):
        raw = os.fdopen(number, "wb", 0 if unbuffered else -1, closefd=False)
        stream = io.TextIOWrapper(raw, encoding="utf-8", line_buffering=name == "stderr", write_through=unbuffered)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    extra = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:0] = [request["folder"], *extra]


def run_module(arguments):
    """Run a module as `python -m` does, and exit without freeing all objects, which takes seconds in a fork."""
    sys.argv, status = arguments, 1
    try:
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        run(sys.argv[1], sys.argv[2:])
    import atexit
    import gc
    import runpy
    import threading
    import traceback

    import torch

    # what every run imports, partly in the middle of it
    import chromahint.config.validate
    import chromahint.data.sources.folder
    import chromahint.evaluation.runner
    import chromahint.launch.launcher
    import chromahint.models.spreadnet
    import chromahint.models.unet
    import chromahint.training.callbacks.ema
    import chromahint.training.callbacks.image_logger
    import chromahint.training.loggers.check
    import chromahint.training.train  # noqa: F401

    torch.set_num_threads(1)
    del sys.modules["chromahint.training.train"]  # `python -m` warns about modules that are imported already
    sys.path[0] = TESTS  # was the folder of this file
    gc.freeze()
    run_module(serve(sys.argv[1])["arguments"])
