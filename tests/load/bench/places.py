"""Where things are, and messages for whoever watches. Standard output belongs to the tables alone."""

import json
import os
import pathlib
import subprocess
import sys

LOAD = pathlib.Path(__file__).resolve().parent.parent
ROOT = LOAD.parent.parent
PEERS = LOAD / "peers"
RESULTS = LOAD / "results"
TOOLS = ROOT / ".tools"


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, folder=LOAD):
    """A step of the preparation. Raises CalledProcessError when it fails."""
    say(f"{folder.relative_to(ROOT)}$ {' '.join(map(str, command))}")
    subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr)


def script(main):
    """Runs a script; what cannot be done is said in one line."""
    try:
        sys.exit(main())
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def target_folder(folder):
    """Where cargo puts the programs of a workspace; a developer may have moved it."""
    answer = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=folder, check=True, capture_output=True, text=True
    )
    return pathlib.Path(json.loads(answer.stdout)["target_directory"])


def printed(*command):
    """The first line that a program prints about itself, or nothing."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=ROOT)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (answer.stdout.strip().splitlines() or [""])[0]


def machine():
    """What the figures were taken on."""
    fields = dict(
        line.split(":", 1) for path in ("/proc/cpuinfo", "/proc/meminfo") for line in open(path) if ":" in line
    )
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    return {
        "cpu": fields.get("model name", "unknown"),
        "cores": os.cpu_count(),
        "memory_gib": round(int(fields.get("MemTotal", "0 kB").split()[0]) / 2**20),
        "kernel": os.uname().release,
        "load_before": round(os.getloadavg()[0], 2),
        "rustc": printed("rustc", "--version"),
        "node": printed("node", "--version"),
        "natter": printed("git", "describe", "--always", "--dirty"),
    }


def described(where):
    """The same in one sentence."""
    return (
        f"{where['cores']} cores ({where['cpu']}), {where['memory_gib']} GiB, Linux {where['kernel']}, "
        f"{where['rustc']}, Node {where['node']}; natter at {where['natter']}; load average before: {where['load_before']}"
    )
