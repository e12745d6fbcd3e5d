"""A fork beside interpreters that import modules and make classes all the time: the copy can do so itself (CPython's crashes)."""

import os
import threading
import time
import warnings
from concurrent import interpreters

warnings.simplefilter("ignore")

BODY = """
import os, sys
# Small ones: it is the importing that the fork is to meet.
names = ["cmd", "colorsys", "csv", "difflib", "getopt", "graphlib", "netrc", "numbers", "quopri", "sched", "shlex", "stringprep", "tty"]
n = 0
while not os.path.exists(STOP):
    for name in names:
        sys.modules.pop(name, None)
        __import__(name)
    for i in range(50):
        type(f"A{n}", (), {f"x{n}": 1})
        n += 1
"""


def in_child():
    import colorsys, csv, gettext, graphlib, pprint, shlex

    t = threading.Thread(target=type, args=("B", (), {"y": 1}))
    t.start()
    t.join()
    return 0


def end_of(pid):
    # A copy that hangs is ended, so that the program says so.
    for _ in range(20_000):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return "hangs"


stop = f"{os.environ.get('TMPDIR', '/tmp')}/interpreters-forked-{os.getpid()}"
others = []
for _ in range(2):
    interpreter = interpreters.create()
    interpreter.prepare_main(STOP=stop)
    others.append(threading.Thread(target=interpreter.exec, args=(BODY,)))
    others[-1].start()
ends = []
for _ in range(60):
    pid = os.fork()
    if pid == 0:
        os._exit(in_child())
    ends.append(end_of(pid))
open(stop, "w").close()
for t in others:
    t.join()
os.remove(stop)
print(len(ends), set(ends))
