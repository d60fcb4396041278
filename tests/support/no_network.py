"""Run commands where nothing but this machine can be reached, and note which names they look up.

`unshare -rnm python no_network.py PLAN`: PLAN is a JSON file, {"resolv": FILE, "commands": [{"words", "folder"}, ...]}.
FILE is written, and replaces /etc/resolv.conf for these processes. Prints a JSON list with `status`, `output`, and the
`lookups` of each command.
"""

import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

MS_BIND, IFF_UP, SIOCGIFFLAGS, SIOCSIFFLAGS = 4096, 1, 0x8913, 0x8914


def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack("16sH14x", b"lo", 0)))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def replace_name_server(file):
    file.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    libc = ctypes.CDLL(None, use_errno=True)
    target = os.fsencode(Path("/etc/resolv.conf").resolve())
    if libc.mount(os.fsencode(file), target, None, MS_BIND, None) != 0:
        raise OSError(ctypes.get_errno(), "mount")


def answer(server, names):
    """Note the name of each query, and answer that it does not exist."""
    while True:
        query, client = server.recvfrom(4096)
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode(errors="replace"))
            at += 1 + query[at]
        names.append(".".join(labels))
        server.sendto(query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + query[12:], client)


def main(plan):
    raise_loopback()
    replace_name_server(Path(plan["resolv"]))
    names = []
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    threading.Thread(target=answer, args=(server, names), daemon=True).start()
    results = []
    for command in plan["commands"]:
        names.clear()
        done = subprocess.run(
            command["words"], cwd=command["folder"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip
        results.append({"status": done.returncode, "output": done.stdout + done.stderr, "lookups": list(names)})
    print(json.dumps(results))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
