"""A fork beside interpreters that ask the C library for services, protocols and users all the time: the copy can ask, too."""

import os
import pwd
import socket
import threading
import time
import warnings
from concurrent import interpreters

warnings.simplefilter("ignore")

BODY = """
import os, pwd, socket
while not os.path.exists(STOP):
    pwd.getpwall()
    socket.getprotobyname("tcp")
    try:
        socket.getservbyname("http")
    except OSError:
        pass
"""


def in_child():
    pwd.getpwall()
    try:
        socket.getservbyname("http")
    except OSError:
        pass
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


stop = f"{os.environ.get('TMPDIR', '/tmp')}/interpreters-asking-{os.getpid()}"
others = []
for _ in range(2):
    interpreter = interpreters.create()
    interpreter.prepare_main(STOP=stop)
    others.append(threading.Thread(target=interpreter.exec, args=(BODY,)))
    others[-1].start()
ends = []
for _ in range(20):
    pid = os.fork()
    if pid == 0:
        os._exit(in_child())
    ends.append(end_of(pid))
    if ends[-1] == "hangs":
        break
open(stop, "w").close()
for t in others:
    t.join()
os.remove(stop)
print(len(ends), set(ends))
