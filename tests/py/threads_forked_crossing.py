"""A fork beside threads that are just beginning or ending: the copy can start threads itself."""

import _thread
import os
import threading
import time
import warnings

warnings.simplefilter("ignore")


def in_child():
    t = threading.Thread(target=len, args=((),))
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


def churn():
    while not stop.is_set():
        for _ in range(5):
            _thread.start_new_thread(len, ((),))
        time.sleep(0.001)


stop, ends = threading.Event(), []
other = threading.Thread(target=churn)
other.start()
for _ in range(40):
    pid = os.fork()
    if pid == 0:
        os._exit(in_child())
    ends.append(end_of(pid))
stop.set()
other.join()
print(len(ends), set(ends))
