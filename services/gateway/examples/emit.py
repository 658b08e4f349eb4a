#!/usr/bin/env python3
"""Emits an event to the clients of a Natter cluster, with nothing but nats-py (pip install nats-py).

    emit.py --room news tick '{"price": 1}'
    emit.py --to 8gpW8fAAB... hello '"only you"'

What it publishes, and where, is described in shared/cluster/README.md.
"""

import argparse
import asyncio
import json
import pathlib

import nats

PLAIN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"


def token(name):
    """A name as one token of a subject."""
    return "".join(chr(byte) if byte in PLAIN else f"%{byte:02X}" for byte in name.encode()) or "%"


def subject_of(cluster, namespace, rooms, to=None):
    """Where the event is published, once: two copies would be two events."""
    start = f"natter.{token(cluster)}"
    if to is not None:
        return f"{start}.node.{to[:6]}"  # the socket's node: its tag is how the id begins
    if len(rooms) == 1:
        return f"{start}.room.{token(namespace)}.{token(rooms[0])}"
    return f"{start}.all.{token(namespace)}"


async def emit(options):
    event = {
        "v": 1,
        "namespace": options.namespace,
        "rooms": [options.to] if options.to else options.room,
        "except": getattr(options, "except"),
        "volatile": options.volatile,
        "event": options.event,
        "data": options.data,
    }
    login = {}
    if options.user:
        login = {"user": options.user, "password": pathlib.Path(options.password_file).read_text().strip()}
    connection = await nats.connect(options.nats, allow_reconnect=False, connect_timeout=5, **login)
    try:
        subject = subject_of(options.cluster, options.namespace, options.room, options.to)
        await connection.publish(subject, json.dumps(event).encode())
        await connection.flush(5)  # the server has it now
    finally:
        await connection.close()


def arguments():
    parser = argparse.ArgumentParser(description="Emits an event to the clients of a Natter cluster.")
    parser.add_argument("--nats", default="nats://127.0.0.1:4222")
    parser.add_argument("--user")
    parser.add_argument("--password-file")
    parser.add_argument("--cluster", default="natter")
    parser.add_argument("--namespace", default="/")
    parser.add_argument("--room", action="append", default=[])
    parser.add_argument("--except", action="append", default=[])
    parser.add_argument("--to", help="a socket's id, instead of rooms")
    parser.add_argument("--volatile", action="store_true")
    parser.add_argument("event")
    parser.add_argument("data", nargs="*", type=json.loads, help="each argument of the event as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(emit(arguments()))
