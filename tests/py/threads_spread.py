# What another thread has made is spread into calls and displays, and still there afterwards.
import _thread
import threading


def made(make):
    box, done = [], threading.Event()

    def run():
        box.append(make())
        done.set()

    _thread.start_new_thread(run, ())
    done.wait()
    return box.pop()


def spread():
    k = made(lambda: {})
    dict(**k)
    k = None
    fresh = [{} for _ in range(2000)]
    assert all(d == {} for d in fresh)


for _ in range(20):
    spread()
k = made(lambda: {"end": ""})
print(**k)
print({**k, "a": 1}, k)
