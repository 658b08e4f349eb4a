"""The testbed that the Python clients talk to, and the ways of reaching it."""

import os
import pathlib
import queue
import subprocess
import threading

import pytest

DEADLINE = 20  # seconds; says when to give up, nothing waits that long by design
PROGRAM = os.environ.get("TESTBED") or str(pathlib.Path(__file__).parents[2] / "target/debug/testbed")

WAYS = {
    "polling": ["polling"],
    "websocket": ["websocket"],
    "upgrade": ["polling", "websocket"],
}


@pytest.fixture(scope="session")
def testbed():
    """A testbed with the profile `clients`; its URL."""
    server = subprocess.Popen(
        [PROGRAM, "--profile", "clients", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    lines = queue.Queue()
    reader = threading.Thread(target=lambda: [lines.put(line) for line in server.stdout], daemon=True)
    reader.start()
    try:
        while not (line := lines.get(timeout=DEADLINE)).startswith("ready "):
            pass
        yield line.split()[1]
    finally:
        server.kill()
        server.wait()


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


@pytest.fixture
def transports(way):
    return WAYS[way]
