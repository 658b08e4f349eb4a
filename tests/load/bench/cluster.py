"""Clusters of two nodes with their broker, as processes."""

import contextlib
import json
import urllib.request

from . import brokers, peers
from .places import PEERS, ROOT, target_folder
from .server import Server, Unavailable

NATTER, NODE = "natter, NATS", "node, Redis"
NAMES = {"natter": NATTER, "node": NODE}


class Cluster:
    """Nodes in the order of their names, and their broker."""

    def __init__(self, nodes, broker):
        self.nodes, self.broker = nodes, broker


class Starter:
    """Knows the programs; each `with starter.start(..)` is a fresh cluster."""

    def __init__(self, wanted, workers, transport, link_thread, log):
        self.wanted, self.workers, self.transport, self.log = wanted, workers, transport, log
        self.link_thread = link_thread
        self.nats = brokers.nats_server() if NATTER in wanted else None
        self.redis = brokers.redis_server() if NODE in wanted else None

    def versions(self):
        return [brokers.version(program) for program in (self.nats, self.redis) if program]

    @contextlib.contextmanager
    def start(self, peer, names=("a", "b")):
        with contextlib.ExitStack() as stack:
            if peer == NATTER:
                broker = stack.enter_context(brokers.start_nats(self.nats, self.log))
            else:
                broker = stack.enter_context(brokers.start_redis(self.redis, self.log))
            nodes = [stack.enter_context(Server(self.command(peer, name, broker.url), self.log)) for name in names]
            yield Cluster(nodes, broker)

    def command(self, peer, name, url):
        if peer == NODE:
            return ["node", PEERS / "node/server.js", "--port", "0", "--redis", url]
        linked = ["--nats", url, "--cluster", "bench", "--node", name, "--link-thread", self.link_thread]
        return [*testbed(self.transport, self.workers), *linked]


def testbed(transport, workers):
    program = target_folder(ROOT) / "release/testbed"
    return [program, "--profile", "load", "--port", "0", "--transport", transport, "--workers", workers]


def transport_to_use(wanted, workers, log):
    """The owned transport where this testbed has it."""
    if wanted:
        return wanted
    try:
        with Server(testbed("owned", workers), log):
            return "owned"
    except Unavailable:
        return "mounted"


def build(wanted, jobs):
    peers.build([peers.MOUNTED] if NATTER in wanted else [], jobs)
    if NODE in wanted:
        peers.install_node()


def counters(server):
    """What a node counts of its cluster, if it tells: numbers below `cluster` in /stats, by their names."""
    try:
        with urllib.request.urlopen(f"{server.url}/stats", timeout=10) as answer:
            cluster = json.load(answer).get("cluster")
    except (OSError, ValueError):
        return None
    return None if cluster is None else dict(numbers(cluster, ""))


def numbers(tree, path):
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from numbers(value, f"{path}.{key}" if path else key)
    elif isinstance(tree, (int, float)) and not isinstance(tree, bool):
        yield path, tree
