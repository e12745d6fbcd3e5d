# A process is copied while other threads wait: in the copy they have ended, and all else works.
import gc
import os
import threading
import warnings
import weakref

stop, waiting, table = threading.Event(), threading.Semaphore(0), {}


def work():
    waiting.release()
    stop.wait()


class Thing:
    pass


def in_child():
    gc.collect()
    Thing.value = 1
    for k in range(2000):
        table[k] = [k]
    table.clear()
    one = Thing()
    one.self = one
    ref = weakref.ref(one)
    del one
    gc.collect()
    t = threading.Thread(target=table.update, kwargs={"a": 1})
    t.start()
    t.join()
    for old in threads:
        old.join()
    alive = [old.is_alive() for old in threads]
    return alive == [False] * 3 and threading.active_count() == 1 and table == {"a": 1} and ref() is None


threads = [threading.Thread(target=work, daemon=i == 1) for i in range(3)]
for t in threads:
    t.start()
    waiting.acquire()
codes, texts = [], set()
for _ in range(12):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pid = os.fork()
        if pid == 0:
            os._exit(0 if in_child() else 3)
    texts.update(str(w.message).replace(str(os.getpid()), "N") for w in caught)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
stop.set()
for t in threads:
    t.join()
print(codes, texts)


# A thread that copies the process is the main one of the copy.
def fork():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pid = os.fork()
    if pid == 0:
        me = threading.current_thread()
        os._exit(0 if me is threading.main_thread() and me.is_alive() and threading.enumerate() == [me] else 3)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


t = threading.Thread(target=fork)
t.start()
t.join()
