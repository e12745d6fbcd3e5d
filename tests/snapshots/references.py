# Objects that refer to each other, weak references, locks, threads, exceptions.
import logging, queue, threading, weakref
bump = []
try:
    try: 1 / 0
    except ZeroDivisionError as e: raise ValueError('v', 3) from e
except ValueError as e:
    e.add_note('n'); err = e
class MyErr(Exception):
    def __init__(self, code, *, extra): super().__init__(f'code {code}'); self.code = code; self.extra = extra
myerr = MyErr(4, extra=[1])
eg = ExceptionGroup('g', [KeyError('k'), OSError(2, 'no', 'file')])
class Node: pass
n1 = Node(); n2 = Node(); n1.o = n2; n2.o = n1; n1.me = n1
wr = weakref.ref(n1); wv = weakref.WeakValueDictionary(a=n2); wk = weakref.WeakKeyDictionary({n1: 'v'}); ws = weakref.WeakSet([n1])
dead = weakref.ref(Node())
lock = threading.Lock(); rl = threading.RLock(); cond = threading.Condition(); ev = threading.Event(); ev.set(); q = queue.Queue(); q.put(1)
log = logging.getLogger('x.y')
th = threading.Thread(target=bump.append, args=(1,)); th.start(); th.join()
#: cut
print(repr(err), repr(err.__cause__), err.__notes__, err.__suppress_context__, myerr, myerr.code, myerr.extra, type(myerr) is MyErr, repr(eg), eg.exceptions[1].filename)
print(n1.o.o is n1, n1.me is n1, wr() is n1, wv['a'] is n2, wk[n1], n1 in ws, dead())
print(lock.locked(), rl.acquire(), ev.is_set(), q.get(), q.qsize())
with cond: print('cond')
print(log is logging.getLogger('x.y'), th.is_alive(), bump)
