"""Processes under test: started, waited for, and ended by their id."""

import queue
import socket
import subprocess
import threading
import time

# What testbed answers to a flag that it does not serve.
EX_USAGE = 64
READY = 30
END = 10


class Unavailable(RuntimeError):
    """The server says itself that it cannot do what was asked: a gap in the table, no failure."""


class Process:
    """A process that ends with its `with`."""

    def __init__(self, command, log):
        self.log = log
        self.log_from = log.tell()
        self.process = subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, text=True
        )
        self.pid = self.process.pid
        self.lines = queue.Queue()
        # A thread, so that a server that never gets ready is noticed and a talkative one never blocks.
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with self.process.stdout as output:
            for line in output:
                self.lines.put(line)
        self.lines.put(None)

    def said(self):
        """What it wrote to standard error."""
        with open(self.log.name) as text:
            text.seek(self.log_from)
            return text.read().strip()

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(END)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


class Server(Process):
    """One that prints `ready URL`."""

    def __init__(self, command, log):
        log.seek(0, 2)
        super().__init__(command, log)
        try:
            self.url = self._ready()
        except BaseException:
            self.end()
            raise

    def _ready(self):
        end = time.monotonic() + READY
        while True:
            try:
                line = self.lines.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                raise RuntimeError("the server did not say that it is ready") from None
            if line is None:
                status = self.process.wait(END)
                why = self.said().splitlines()
                if status == EX_USAGE:
                    raise Unavailable(why[-1] if why else "not available")
                raise RuntimeError(f"the server ended before it was ready: {why[-1] if why else status}")
            if line.startswith("ready "):
                return line.split()[1]


class Broker(Process):
    """One that listens on a port of 127.0.0.1 that was free a moment ago."""

    def __init__(self, scheme, command, log):
        self.port = free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        super().__init__(command(self.port), log)
        end = time.monotonic() + READY
        while not accepts(self.port):
            if self.process.poll() is not None or time.monotonic() > end:
                self.end()
                raise RuntimeError(f"{command(self.port)[0]} did not start: {self.said()[-300:]}")
            time.sleep(0.05)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def accepts(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
