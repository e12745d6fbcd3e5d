"""What a thread has made ends when its last reference goes, though that thread waits (CPython gh-157838)."""

import queue
import threading
import time
import weakref


class Made:
    def __init__(self, n):
        self.n = n

    def __del__(self):
        ended.append(self.n)


def waits(how):
    """Makes a hundred objects in a thread that then waits; gives them up one by one until one of them ends at once."""

    def maker():
        made.extend(Made(n) for n in range(100))
        ready.set()
        how()

    made, ready = [], threading.Event()
    thread = threading.Thread(target=maker)
    thread.start()
    ready.wait()
    # The thread may not wait yet when the first are given up: those are its own to end.
    at_once = False
    while made and not at_once:
        last, look = made[-1].n, weakref.ref(made[-1])
        made.pop()
        at_once = look() is None and last in ended
        time.sleep(0.005)
    stop()
    thread.join()
    made.clear()
    return at_once, len(ended)


def stop():
    lock.release()
    event.set()
    items.put(None)


for name in ("a lock", "an event", "a queue", "a condition"):
    ended, items = [], queue.SimpleQueue()
    lock, event, condition = threading.Lock(), threading.Event(), threading.Condition()
    lock.acquire()
    ways = {
        "a lock": lambda: lock.acquire(),
        "an event": lambda: event.wait(),
        "a queue": lambda: items.get(),
        "a condition": lambda: wait_for_lock(),
    }

    def wait_for_lock():
        with condition:
            condition.wait_for(event.is_set, timeout=60)

    if name == "a condition":
        # Told by hand: the event alone wakes nobody here.
        def stop():
            lock.release()
            event.set()
            with condition:
                condition.notify_all()

    print(name, *waits(ways[name]))
