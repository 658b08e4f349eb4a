"""The generator as a process: its figures, or why there are none."""

import json
import subprocess

from . import peers


class Generator:
    """Runs `load` and keeps the pictures that it draws in a folder."""

    def __init__(self, pictures):
        self.program = peers.generator()
        self.pictures = pictures
        pictures.mkdir(parents=True, exist_ok=True)

    def command(self, name, servers, words, limit, brokers=(), sources=()):
        """The command, and where its report will be."""
        report = self.pictures / f"{name}.json"
        command = [
            self.program, "--quiet", "--limit", limit, "--json", report, "--svg", self.pictures / f"{name}.svg",
            "--url", ",".join(server.url for server in servers), "--pid", ",".join(str(server.pid) for server in servers),
        ]
        if brokers:
            command += ["--broker", ",".join(str(broker.pid) for broker in brokers)]
        if sources:
            command += ["--source", ",".join(sources)]
        return [str(word) for word in [*command, *words]], report

    def measure(self, name, servers, words, limit=150, brokers=()):
        command, report = self.command(name, servers, words, limit, brokers)
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit + 30)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip() or f"the generator ended with {done.returncode}")
        return json.loads(report.read_text())["figures"]
