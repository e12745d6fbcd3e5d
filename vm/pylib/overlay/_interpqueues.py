"""Queues between interpreters: what is put is packed here (`_interpreters`) and lies outside of all of them (`_isolates`)."""

import _interpreters
import _isolates

_REMOVE, _ERROR, _REPLACE = 1, 2, 3


class QueueError(RuntimeError):
    """Indicates that a queue-related error happened."""


class QueueNotFoundError(QueueError):
    """Indicates that a queue wasn't found."""


for _class in (QueueError, QueueNotFoundError):
    _class.__module__ = "concurrent.interpreters"
del _class

_types = {}


def _register_heap_types(queue, empty, full):
    """Tells which types the module concurrent.interpreters has for a queue, and for its being empty or full."""
    _types.update(queue=queue, empty=empty, full=full)
    _interpreters._packers[queue] = lambda q: b"q" + str(q._id).encode()
    _interpreters._unpackers[b"q"] = lambda data: queue(int(data))


def _on(qid, what, *args):
    if not isinstance(qid, int):
        raise TypeError(f"queue ID must be an int, got {type(qid).__name__}")
    try:
        return what(qid, *args)
    except LookupError:
        raise QueueNotFoundError(f"queue {qid} not found") from None


def create(maxsize, unboundop, fallback=-1):
    """Create a new cross-interpreter queue and return its unique generated ID."""
    if unboundop not in (_REMOVE, _ERROR, _REPLACE):
        raise ValueError(f"unsupported unboundop {unboundop}")
    return _isolates.queue_create(maxsize, unboundop)


def destroy(qid):
    """Clear and destroy the queue."""
    _on(qid, _isolates.queue_destroy)


def list_all():
    """Return the list of ID triples for all queues."""
    return [(qid, _isolates.queue_look(qid)[2], 1) for qid in _isolates.queues()]


def put(qid, obj, unboundop=-1, fallback=-1):
    """Add the object's data to the queue."""
    _on(qid, _isolates.queue_look)
    if not _on(qid, _isolates.queue_put, _interpreters._pack(obj), unboundop):
        raise _types.get("full", QueueError)(f"queue {qid} is full")


def get(qid):
    """Return the (object, unbound op) from the front of the queue."""
    found = _on(qid, _isolates.queue_get)
    if found is None:
        raise _types.get("empty", QueueError)(f"queue {qid} is empty")
    data, unboundop = found
    return (None, unboundop) if data is None else (_interpreters._unpack(data), None)


def bind(qid):
    """Take a reference to the identified queue."""
    _on(qid, _isolates.queue_count, 1)


def release(qid):
    """Release a reference to the queue; the last one destroys it."""
    _on(qid, _isolates.queue_count, -1)


def get_maxsize(qid):
    """Return the maximum number of items in the queue."""
    return _on(qid, _isolates.queue_look)[1]


def get_queue_defaults(qid):
    """Return the queue's default values, set when it was created."""
    return _on(qid, _isolates.queue_look)[2], 1


def is_full(qid):
    """Return true if the queue has a maxsize and has reached it."""
    count, maxsize, _ = _on(qid, _isolates.queue_look)
    return 0 < maxsize <= count


def get_count(qid):
    """Return the number of items in the queue."""
    return _on(qid, _isolates.queue_look)[0]
