"""Programs that are no nodes put events into rooms: `natter emit`, and Python with nothing but nats-py.

Two nodes of the gateway as processes, a NATS server of their own, and a client of python-socketio on each node.
"""

import contextlib
import json
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest
import socketio

from conftest import DEADLINE
from inbox import Inbox

ROOT = pathlib.Path(__file__).parents[2]
GATEWAY = os.environ.get("GATEWAY") or str(ROOT / "target/debug/natter")
EXAMPLE = str(ROOT / "services/gateway/examples/emit.py")
INSTALLED = ROOT / ".tools/venv/bin/nats-server"
SERVER = os.environ.get("NATS_SERVER") or (str(INSTALLED) if INSTALLED.exists() else shutil.which("nats-server"))

PASSWORD = "a password of the test"
# One user, who may do what a node needs: everything below the cluster's name, and nothing else.
CONFIGURATION = """
authorization { users = [
  { user: node, password: "%s", permissions: { publish: "natter.natter.>", subscribe: "natter.natter.>" } }
] }
"""


def eventually(what, check):
    """Calls until the result is true, and gives it; fails after the deadline with what was seen last."""
    deadline = time.monotonic() + DEADLINE
    while not (result := check()):
        assert time.monotonic() < deadline, f"{what}: not within {DEADLINE} s"
        time.sleep(0.02)
    return result


@contextlib.contextmanager
def process(*command, **options):
    """A program that is killed at the end."""
    child = subprocess.Popen(command, **options)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


@pytest.fixture(scope="module")
def nats(tmp_path_factory):
    """The server's URL, and the flags of a program that is let in."""
    folder = tmp_path_factory.mktemp("nats")
    (folder / "config").write_text(CONFIGURATION % PASSWORD)
    (folder / "password").write_text(PASSWORD + "\n")
    command = [SERVER, "--addr", "127.0.0.1", "--port", "-1", "--ports_file_dir", folder, "--config", folder / "config"]
    with process(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        ports = folder / f"nats-server_{server.pid}.ports"

        def listening():
            assert server.poll() is None, f"nats-server has ended with {server.returncode}"
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                return json.loads(ports.read_text())["nats"][0]

        yield eventually("nats-server listens", listening), str(folder / "password")


@pytest.fixture(scope="module")
def nodes(nats):
    """The URLs of two nodes that are ready."""
    url, password = nats
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NATTER_")}
    with contextlib.ExitStack() as running:
        urls = []
        for name in ("one", "two"):
            flags = ["--port", "0", "--node", name, "--nats", url, "--nats-user", "node", "--nats-password-file", password]
            node = running.enter_context(
                process(GATEWAY, *flags, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
            )
            lines = queue.Queue()
            threading.Thread(target=lambda out=node.stdout: [lines.put(line) for line in out], daemon=True).start()
            while not (line := lines.get(timeout=DEADLINE)).startswith("ready "):
                pass
            urls.append(line.split()[1])
        for node in urls:
            eventually(f"{node} is ready", lambda: is_ready(node))
        yield urls


def is_ready(node):
    try:
        with urllib.request.urlopen(f"{node}/ready", timeout=DEADLINE) as answer:
            return answer.status == 200
    except urllib.error.HTTPError as error:
        assert error.code == 503
        return False


@pytest.fixture
def clients(nodes):
    """A client on each node, in the room `news` and, the second one, in `größe` as well."""
    with contextlib.ExitStack() as leaving:
        clients = []
        for node in nodes:
            client = socketio.Client(reconnection=False)
            inbox = Inbox(client)
            leaving.callback(client.shutdown)
            client.connect(node, wait_timeout=DEADLINE)
            assert client.call("join", "news", timeout=DEADLINE) == {"ok": True}
            clients.append((client, inbox))
        assert clients[1][0].call("join", "größe", timeout=DEADLINE) == {"ok": True}
        yield clients


@pytest.fixture(params=["natter emit", "emit.py"])
def emit(request, nats):
    """Runs one of the two programs: `emit(["--room", "news"], "tick", 1)`."""
    url, password = nats

    def emit(flags, event, *data):
        data = [json.dumps(argument) for argument in data]
        if request.param == "natter emit":
            login = ["--nats", url, "--nats-user", "node", "--nats-password-file", password]
            command = [GATEWAY, "emit", *login, *flags, "--event", event, *data]
        else:
            login = ["--nats", url, "--user", "node", "--password-file", password]
            command = [sys.executable, EXAMPLE, *login, *flags, event, *data]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
        assert done.returncode == 0, done.stderr

    return emit


def an_event_reaches_the_room_on_every_node(emit, clients):
    emit(["--room", "news"], "tick", {"price": 1}, "größer", None)
    for _, inbox in clients:
        assert inbox.next("tick") == [{"price": 1}, "größer", None]


def an_event_for_several_rooms_comes_once(emit, clients):
    emit(["--room", "news", "--room", "größe"], "both")
    emit(["--room", "news"], "end")
    for _, inbox in clients:
        assert inbox.next("both") == []
        inbox.next("end")
        assert inbox.is_empty("both")


def a_room_may_have_any_name(emit, clients):
    emit(["--room", "größe"], "tick", 2)
    assert clients[1][1].next("tick") == [2]


def everybody_but_some_can_be_meant(emit, clients):
    emit(["--except", "größe"], "tick", 3)
    emit([], "end")
    assert clients[0][1].next("tick") == [3]
    clients[1][1].next("end")
    assert clients[1][1].is_empty("tick")


def an_event_for_one_socket_reaches_no_other(emit, clients):
    (_, anns), (bob, bobs) = clients
    emit(["--to", bob.get_sid(), "--volatile"], "psst", "only you")
    emit(["--room", "news"], "end")
    assert bobs.next("psst") == ["only you"]
    anns.next("end")
    assert anns.is_empty("psst")


def the_order_of_a_program_is_kept(emit, clients):
    for number in range(5):
        emit(["--room", "news"], "tick", number)
    for _, inbox in clients:
        assert [inbox.next("tick") for _ in range(5)] == [[number] for number in range(5)]
