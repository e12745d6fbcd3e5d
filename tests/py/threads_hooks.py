"""Tracing, profiling and looking at threads that run."""

import faulthandler
import sys
import tempfile
import threading

errors = []
threading.excepthook = lambda args: errors.append(repr(args.exc_value))
stop = threading.Event()


def work():
    def inner(n):
        return n if n < 2 else inner(n - 1) + inner(n - 2)

    while not stop.is_set():
        assert inner(8) == 21


threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads:
    t.start()

# Each thread's frames, as they are at one moment.
for _ in range(50):
    frames = sys._current_frames()
    for frame in frames.values():
        depth = 0
        while frame is not None:
            assert isinstance(frame.f_lineno, int | None) and frame.f_code.co_name
            frame.f_locals
            frame, depth = frame.f_back, depth + 1
        assert depth
print("frames", errors, threading.main_thread().ident in frames)

with tempfile.TemporaryFile("w+") as file:
    for _ in range(20):
        faulthandler.dump_traceback(file, all_threads=True)
    file.seek(0)
    text = file.read()
print("dumps", errors, "threads_hooks.py" in text)

# Hooks that come and go, for this thread and for all.
events = []
for _ in range(20):
    threading.setprofile_all_threads(lambda frame, event, arg: events.append(event))
    threading.settrace_all_threads(lambda frame, event, arg: None)
    sum(range(10))
    threading.setprofile_all_threads(None)
    threading.settrace_all_threads(None)
    sys.setprofile(lambda *args: None)
    sys.setprofile(None)
print("hooks", errors, sys.getprofile(), sys.gettrace())

names = {threading.get_ident(): "x" for _ in range(3)}
stop.set()
for t in threads:
    t.join()
print("ended", errors, [t.is_alive() for t in threads])


# A thread that is there already gets the hooks, and gives them up.
def hook(*args):
    pass


def checker():
    seen.append((sys.getprofile(), sys.gettrace()))
    first.set()
    second.wait()
    seen.append((sys.getprofile(), sys.gettrace()))


for set_all in threading.setprofile_all_threads, threading.settrace_all_threads:
    seen, first, second = [], threading.Event(), threading.Event()
    t = threading.Thread(target=checker)
    t.start()
    first.wait()
    set_all(hook)
    second.set()
    t.join()
    set_all(None)
    print([tuple(f is hook for f in pair) for pair in seen], errors)
