"""What a client has heard, so that a test may ask for it before or after it came in."""

import queue

from conftest import DEADLINE


class Inbox:
    """Collects the events of a `socketio.Client`, each under its namespace and name."""

    def __init__(self, client, *namespaces):
        self._events = {}
        for namespace in namespaces or ("/",):
            client.on("*", self._heard(namespace), namespace=namespace)
            for own in ("connect_error", "disconnect"):
                client.on(own, self._heard_own(namespace, own), namespace=namespace)

    def next(self, event, namespace="/"):
        """The arguments of the next `event`; fails after the deadline."""
        try:
            return self._queue(namespace, event).get(timeout=DEADLINE)
        except queue.Empty:
            raise AssertionError(f"no event {event!r} on {namespace} within {DEADLINE} s") from None

    def is_empty(self, event, namespace="/"):
        return self._queue(namespace, event).empty()

    def _heard(self, namespace):
        return lambda event, *args: self._queue(namespace, event).put(list(args))

    def _heard_own(self, namespace, event):
        return lambda *args: self._queue(namespace, event).put(list(args))

    def _queue(self, namespace, event):
        return self._events.setdefault((namespace, event), queue.Queue())
