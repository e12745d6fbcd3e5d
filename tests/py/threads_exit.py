"""The end of a program whose threads still run."""

import atexit
import threading
import time


class Last:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name, flush=True)


def spin():
    n = 0
    while True:
        n += 1
        box.append(n)
        if len(box) > 100:
            del box[:]


def wait():
    threading.Event().wait()


def sleep():
    time.sleep(1000)


def hold():
    with lock:
        threading.Event().wait()


box, lock = [], threading.Lock()
for f in (spin, spin, wait, sleep, hold):
    threading.Thread(target=f, daemon=True).start()


def slow():
    over.wait()
    print("a thread that is waited for", flush=True)


over = threading.Event()
threading.Thread(target=slow).start()
atexit.register(print, "at exit")
Last("at once")
print("main is over", flush=True)
over.set()
