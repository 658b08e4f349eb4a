"""The servers that are compared, and how each is built and started."""

from .places import LOAD, PEERS, ROOT, run, target_folder

OWNED, MOUNTED, SOCKETIOXIDE, NODE, FLOOR = "natter owned", "natter mounted", "socketioxide", "node", "floor"
# What they are called on the command line, in the order in which they are shown.
NAMES = {"owned": OWNED, "mounted": MOUNTED, "socketioxide": SOCKETIOXIDE, "node": NODE, "floor": FLOOR}

# The floor knows no other events than those of these scenarios.
FLOOR_SCENARIOS = {"broadcast-2", "broadcast-16", "rooms", "echo", "idle", "storm", "large", "feed"}


def build(peers, jobs):
    """The generator and the programs of these peers."""
    cargo = ["nice", "-n", "10", "cargo", "build", "--release", "--locked"] + (["-j", str(jobs)] if jobs else [])
    run(cargo, LOAD)
    if {OWNED, MOUNTED} & set(peers):
        run([*cargo, "-p", "testbed"], ROOT)
    if SOCKETIOXIDE in peers:
        run(cargo, PEERS / "socketioxide")
    if NODE in peers:
        install_node()


def install_node():
    folder = PEERS / "node"
    installed = folder / "node_modules/.package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (folder / "package-lock.json").stat().st_mtime:
        run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], folder)


def generator():
    return target_folder(LOAD) / "release/load"


def commands(peers, workers):
    """What starts each peer on a port of its own."""
    threads = ["--workers", str(workers)]
    found = {}
    for peer in peers:
        if peer in (OWNED, MOUNTED):
            testbed = target_folder(ROOT) / "release/testbed"
            transport = "owned" if peer == OWNED else "mounted"
            found[peer] = [testbed, "--profile", "load", "--port", "0", "--transport", transport, *threads]
        elif peer == SOCKETIOXIDE:
            program = target_folder(PEERS / "socketioxide") / "release/natter-load-peer-socketioxide"
            found[peer] = [program, "--port", "0", *threads]
        elif peer == NODE:
            found[peer] = ["node", PEERS / "node/server.js", "--port", "0"]
        else:
            found[peer] = [target_folder(LOAD) / "release/floor", "--port", "0"]
    return found


def knows(peer, scenario):
    return peer != FLOOR or scenario in FLOOR_SCENARIOS
