"""How long a command takes, what memory it has, and what it prints."""

import contextlib
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import time


def output_of(command, **options):
    """Runs a command, which must succeed; returns what it prints."""
    words = command.split() if isinstance(command, str) else command
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def measured(command, **options):
    """Runs a command; returns its wall seconds, CPU seconds and most memory."""
    command = [str(word) for word in command]
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command} failed with {process.returncode}")
    return {"wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime, "memory_mb": usage.ru_maxrss / 1024}


def answers(command):
    """Runs a command, which must succeed; returns its wall seconds."""
    return measured(command)["wall_s"]


def in_rounds(rounds, rivals, run):
    """Returns the medians of each rival's figures, from rounds in which all take their turn."""
    results = {name: [] for name in rivals}
    for _ in range(rounds):
        for name, rival in rivals.items():
            results[name].append(run(rival))
    return {
        name: {figure: statistics.median(result[figure] for result in own) for figure in own[0]}
        for name, own in results.items()
    }


@contextlib.contextmanager
def serving(command, port=None):
    """Runs a server; yields its address, once it listens, its process, and the seconds that took."""
    started = time.monotonic()
    words = [str(word) for word in command]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        if port is None:
            address = re.search(r"http://\S+", process.stdout.readline())[0]
        else:
            address = f"http://127.0.0.1:{port}"
            while not listens(port):
                time.sleep(0.01)
        yield address, process, time.monotonic() - started
    finally:
        process.terminate()
        process.wait()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def memory_mb(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
