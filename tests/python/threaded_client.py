"""python-socketio's client for threads (requests and websocket-client) against the testbed."""

import contextlib

import pytest
import socketio

from conftest import DEADLINE
from inbox import Inbox


@pytest.fixture
def connect(testbed, transports):
    """Connects clients that leave when the test is over: `connect("/", auth=...)` gives (client, inbox)."""
    with contextlib.ExitStack() as leaving:

        def connect(*namespaces, auth=None):
            namespaces = namespaces or ("/",)
            client = socketio.Client(reconnection_delay=0.05, reconnection_delay_max=0.2)
            inbox = Inbox(client, *namespaces)
            leaving.callback(client.shutdown)
            client.connect(
                testbed, auth=auth, transports=transports, namespaces=list(namespaces), wait_timeout=DEADLINE
            )
            return client, inbox

        yield connect


def a_client_ends_up_on_its_best_transport(connect, way):
    client, _ = connect()
    assert client.transport() == ("polling" if way == "polling" else "websocket")


def an_event_comes_back_with_all_of_its_arguments(connect):
    client, inbox = connect()
    args = ["text", "Привет 👋", 1, -2.5, True, None, [1, [2]], {"ключ": {"deep": []}}]
    client.emit("message", tuple(args))
    assert inbox.next("message-back") == args


def bytes_come_back_wherever_they_are_nested(connect):
    client, inbox = connect()
    args = [b"\x00\xff", {"list": [b"second", {"third": b"third"}], "note": "text"}, b""]
    client.emit("message", tuple(args))
    assert inbox.next("message-back") == args


def acks_come_from_the_server(connect):
    client, _ = connect()
    assert client.call("message-with-ack", ("one", {"two": [b"2"]}), timeout=DEADLINE) == ("one", {"two": [b"2"]})
    assert client.call("my-id", timeout=DEADLINE) == client.get_sid()


def acks_go_to_the_server(connect):
    client, inbox = connect()
    client.on("question", lambda a, b: (a + b, {"bytes": b"sum"}))
    client.emit("ask-me", (2, 3))
    assert inbox.next("answer") == [5, {"bytes": b"sum"}]


def the_namespaces_of_a_connection_are_apart(connect):
    client, inbox = connect("/", "/custom", "/dynamic-12")
    for namespace in ("/", "/custom", "/dynamic-12"):
        client.emit("message", (namespace, namespace.encode()), namespace=namespace)
    for namespace in ("/", "/custom", "/dynamic-12"):
        assert inbox.next("message-back", namespace) == [namespace, namespace.encode()]
        assert inbox.is_empty("message-back", namespace)
    assert len({client.get_sid(namespace) for namespace in ("/", "/custom", "/dynamic-12")}) == 3


def a_namespace_that_does_not_exist_is_refused(testbed, transports):
    client = socketio.Client(reconnection=False)
    inbox = Inbox(client, "/random")
    with pytest.raises(socketio.exceptions.ConnectionError):
        client.connect(testbed, transports=transports, namespaces=["/random"], wait_timeout=DEADLINE)
    assert inbox.next("connect_error", "/random") == [{"message": "Invalid namespace"}]


def a_guarded_namespace_refuses_with_message_and_data(testbed, transports):
    client = socketio.Client(reconnection=False)
    inbox = Inbox(client, "/guarded")
    with pytest.raises(socketio.exceptions.ConnectionError):
        client.connect(
            testbed, auth={"token": "wrong"}, transports=transports, namespaces=["/guarded"], wait_timeout=DEADLINE
        )
    refusal = {"message": "not authorized", "data": {"code": 401, "reason": "bad token"}}
    assert inbox.next("connect_error", "/guarded") == [refusal]


def a_guarded_namespace_lets_in_who_has_the_token(connect):
    client, inbox = connect("/guarded", auth={"token": "secret"})
    assert inbox.next("auth", "/guarded") == [{"token": "secret"}]
    assert client.call("message-with-ack", "in", namespace="/guarded", timeout=DEADLINE) == "in"


def rooms_reach_their_members_and_nobody_else(connect, way):
    room = f"threads over {way}"
    (ann, anns), (bob, bobs), (outsider, outsiders) = connect(), connect(), connect()
    for member in (ann, bob):
        assert member.call("join", room, timeout=DEADLINE) == ("joined", room)

    ann.emit("to-room", (room, "to the others"))
    ann.emit("in-room", (room, "to everyone", b"bytes"))
    ann.emit("to-all", "to the namespace")
    for inbox in (anns, bobs, outsiders):
        assert inbox.next("all-message") == ["to the namespace"]
    assert bobs.next("room-message") == [room, "to the others"]
    for inbox in (anns, bobs):
        assert inbox.next("room-message") == [room, "to everyone", b"bytes"]
        assert inbox.is_empty("room-message")
    assert outsiders.is_empty("room-message")

    assert bob.call("leave", room, timeout=DEADLINE) == ("left", room)
    assert bob.call("rooms", timeout=DEADLINE) == []


def a_client_whose_connection_is_closed_comes_back(connect, way):
    client, inbox = connect()
    first = client.get_sid()
    inbox.next("auth")
    client.emit("drop")
    if way == "polling":
        # This client takes the close packet, which only polling needs, for a goodbye, and does not reconnect after it.
        assert inbox.next("disconnect") == ["server disconnect"]
        return
    inbox.next("disconnect")
    inbox.next("auth")  # the greeting of the new socket
    assert client.get_sid() != first
    assert client.call("message-with-ack", "back", timeout=DEADLINE) == "back"


def a_client_that_was_kicked_is_told(connect):
    client, inbox = connect()
    client.emit("kick")
    assert inbox.next("disconnect") == ["server disconnect"]
