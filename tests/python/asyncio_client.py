"""python-socketio's client for asyncio (aiohttp) against the testbed."""

import asyncio
import contextlib

import socketio

from conftest import DEADLINE


@contextlib.asynccontextmanager
async def connected(url, transports, namespace="/", auth=None):
    """A client that is connected, with a queue for each event that the test names: `events["message-back"]`."""
    client = socketio.AsyncClient(reconnection=False)
    events = Events()
    client.on("*", events.heard, namespace=namespace)
    await client.connect(url, auth=auth, transports=transports, namespaces=[namespace], wait_timeout=DEADLINE)
    try:
        yield client, events
    finally:
        await client.disconnect()


class Events:
    def __init__(self):
        self._queues = {}

    async def heard(self, event, *args):
        self._queue(event).put_nowait(list(args))

    async def next(self, event):
        return await asyncio.wait_for(self._queue(event).get(), DEADLINE)

    def _queue(self, event):
        return self._queues.setdefault(event, asyncio.Queue())


def an_event_comes_back_with_text_and_nested_bytes(testbed, transports):
    async def scenario():
        async with connected(testbed, transports) as (client, events):
            args = ["こんにちは", {"list": [b"\x00\xff", {"more": b"bytes"}]}, None]
            await client.emit("message", tuple(args))
            assert await events.next("message-back") == args

    asyncio.run(scenario())


def acks_go_both_ways(testbed, transports):
    async def scenario():
        async with connected(testbed, transports, "/custom") as (client, events):
            answer = await client.call("message-with-ack", ("one", b"two"), namespace="/custom", timeout=DEADLINE)
            assert answer == ("one", b"two")

            async def question(text):
                return text.upper(), [b"bytes"]

            client.on("question", question, namespace="/custom")
            await client.emit("ask-me", "louder", namespace="/custom")
            assert await events.next("answer") == ["LOUDER", [b"bytes"]]

    asyncio.run(scenario())


def a_room_joins_two_clients(testbed, transports, way):
    room = f"asyncio over {way}"

    async def scenario():
        async with (
            connected(testbed, transports) as (ann, _),
            connected(testbed, transports) as (bob, bobs),
        ):
            await bob.call("join", room, timeout=DEADLINE)
            await ann.emit("to-room", (room, "hello", b"bytes"))
            assert await bobs.next("room-message") == [room, "hello", b"bytes"]
            await ann.emit("to-room", (bob.get_sid(), "just you"))
            assert await bobs.next("room-message") == [bob.get_sid(), "just you"]

    asyncio.run(scenario())


def a_thousand_events_keep_their_order(testbed, transports):
    # Over polling this also shows that no answer holds more packets than this client accepts, which are sixteen.
    async def scenario():
        async with connected(testbed, transports) as (client, events):
            # In parts: this client puts all it has into one body, and a body of over a thousand packets is refused.
            for part in range(0, 1_000, 250):
                for n in range(part, part + 250):
                    await client.emit("message", (n, b"bytes") if n % 10 == 0 else n)
                for n in range(part, part + 250):
                    assert await events.next("message-back") == ([n, b"bytes"] if n % 10 == 0 else [n])

    asyncio.run(scenario())
