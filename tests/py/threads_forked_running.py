# A process is copied while other threads run, begin, end, wait for locks and do what lets others run: the copy works.
import gc
import hashlib
import os
import queue
import subprocess
import threading
import time
import warnings
import zlib

stop, table, lock, jobs = [], {}, threading.Lock(), queue.SimpleQueue()
BLOCK = bytes(range(256)) * 64


def change():
    n = 0
    while not stop:
        n += 1
        table[n % 50] = str(n)
        if n % 7 == 0:
            table.pop(n % 50, None)


def hand_over():
    while not stop:
        jobs.put(1)
        with lock:
            table["lock"] = jobs.get()


def begin_and_end():
    while not stop:
        t = threading.Thread(target=list, args=(range(10),))
        t.start()
        t.join()


def pack():
    while not stop:
        zlib.decompress(zlib.compress(BLOCK))
        hashlib.sha256(BLOCK).hexdigest()


def sleep():
    while not stop:
        time.sleep(0.0001)


def in_child():
    for k in range(500):
        table[k] = [k]
    table.clear()
    gc.collect()
    mine, done = threading.Lock(), []

    def work():
        for k in range(50):
            with mine:
                done.append(zlib.crc32(BLOCK))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return len(done) == 150 and threading.active_count() == 1


kinds = [change, change, hand_over, hand_over, begin_and_end, pack, sleep]
threads = [threading.Thread(target=kind) for kind in kinds]
for t in threads:
    t.start()
codes = []
# Each copy compiles its loops anew; where all are compiled at once that is most of what it does.
for _ in range(8 if os.environ.get("TYPHON_JIT") == "sync" else 30):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pid = os.fork()
        if pid == 0:
            code = 3
            try:
                code = 0 if in_child() else 4
            finally:
                os._exit(code)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
for _ in range(2 if os.environ.get("TYPHON_JIT") == "sync" else 5):
    done = subprocess.run(["true"], preexec_fn=in_child)
    codes.append(done.returncode)
stop.append(1)
for t in threads:
    t.join()
print({*codes})
