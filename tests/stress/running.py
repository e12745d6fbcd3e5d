"""Steps for threads.py over what threads themselves are about: exceptions, further threads, locks and queues.

As steps.py's, with what threads share in `Shared`.
"""

import itertools
import queue
import sys
import threading

from steps import look, make


def hook(args):
    if args.exc_type is not ZeroDivisionError:
        threading.__excepthook__(args)


threading.excepthook = hook


class Shared:
    def __init__(self, threads):
        self.error = ValueError("shared")
        self.started = [0] * threads
        self.ran = itertools.count()
        self.left = []
        self.local = threading.local()
        self.rlock, self.condition = threading.RLock(), threading.Condition()
        self.semaphore, self.event = threading.Semaphore(3), threading.Event()
        self.inside = []
        self.entered, self.total = [0] * threads, 0
        self.queues = [queue.Queue(20), queue.LifoQueue(20), queue.PriorityQueue(20)]


def on_errors(w, me, dice):
    how = dice.randrange(6)

    def deep(n):
        if n == 0:
            raise w.error
        deep(n - 1)

    try:
        if how < 2:
            deep(dice.randrange(6))
        elif how == 2:
            try:
                deep(2)
            except ValueError:
                raise KeyError(me)
        elif how == 3:
            raise ExceptionGroup("g", [w.error, KeyError(me)])
        elif how == 4:
            raise w.error.with_traceback(None) from TypeError(me)
        else:
            w.error = ValueError("shared")
            w.error.add_note(str(me))
            frames = sys._current_frames()
            assert all(f.f_lineno is None or f.f_lineno > 0 for f in frames.values())
            for f in frames.values():
                assert f.f_code.co_name and (f.f_locals is not None)
            # This frame is among them: the collector would find it with whatever the others hold, and call back nobody.
            del frames, f
    except* KeyError as group:
        assert group.exceptions
    except* ValueError as group:
        tb = group.exceptions[0].__traceback__
        while tb is not None:
            assert tb.tb_frame.f_code is not None
            tb = tb.tb_next


def on_threads(w, me, dice):
    how = dice.randrange(30)

    def body(n):
        w.local.v = (make(n), -1)
        own = [make(i) for i in range(n)]
        w.left.append(make(n))
        look(own[-1])
        next(w.ran)

    if how < 3:
        threads = [threading.Thread(target=body, args=(k + 1,), daemon=how == 1) for k in range(dice.randrange(1, 4))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        w.started[me] += len(threads)
    elif how == 3:
        t = threading.Thread(target=lambda: 1 / 0)
        t.start()
        t.join()
    elif how == 4:
        threading.enumerate(), threading.active_count(), repr(threading.current_thread())
    else:
        with w.semaphore:
            w.inside.append(me)
            assert len(w.inside) <= 3, w.inside
            w.inside.remove(me)


def on_locks(w, me, dice):
    how = dice.randrange(6)
    if how < 2:
        with w.rlock, w.rlock:
            w.total += 1
        w.entered[me] += 1
    elif how == 2:
        with w.condition:
            w.condition.wait(0.0005)
    elif how == 3:
        with w.condition:
            w.condition.notify_all()
    elif how == 4:
        w.event.set() if dice.randrange(2) else w.event.clear()
        w.event.wait(0.0002)
    else:
        q = w.queues[dice.randrange(3)]
        try:
            if dice.randrange(2):
                q.put_nowait(make(dice.randrange(50)))
            else:
                look(q.get_nowait())
        except (queue.Full, queue.Empty):
            pass


STEPS = [on_errors, on_threads, on_locks]


def check(w):
    """When all threads have ended."""
    assert next(w.ran) == sum(w.started) == len(w.left), "a thread has not run"
    assert w.total == sum(w.entered) and w.inside == []
