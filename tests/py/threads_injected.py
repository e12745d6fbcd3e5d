"""One thread has another raise an exception, by the way that C code has: `PyThreadState_SetAsyncExc`."""

import ctypes
import threading
import time

inject = ctypes.pythonapi.PyThreadState_SetAsyncExc


class Stop(Exception):
    pass


# In oneself: at one of the next steps.
try:
    inject(ctypes.c_ulong(threading.get_ident()), ctypes.py_object(Stop))
    while True:
        pass
except Stop as e:
    print("self", e.args)

# A thread that nobody has.
print(inject(ctypes.c_ulong(2**64 - 1), ctypes.py_object(Stop)))


def spin():
    n = 0
    while True:
        n += 1


def sleep():
    while True:
        time.sleep(0.01)


def call():
    while True:
        len(sorted(range(50)))


def finish(work):
    begun.set()
    try:
        work()
    except Stop:
        got.append(work.__name__)


got = []
for work in (spin, sleep, call):
    begun = threading.Event()
    t = threading.Thread(target=finish, args=(work,))
    t.start()
    begun.wait()
    time.sleep(0.02)
    print(inject(ctypes.c_ulong(t.ident), ctypes.py_object(Stop)))
    t.join()
print(got)

# No memory of one that has ended.
t = threading.Thread(target=int)
t.start()
ident = t.ident
t.join()
print(inject(ctypes.c_ulong(ident), ctypes.py_object(Stop)))
