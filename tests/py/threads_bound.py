# What a bound method of a built-in type is bound to lives through the call, whoever lets go of the method meanwhile.
import gc
import threading


def wait(holder, begun):
    begun.set()
    return holder[0](True, 0.05)


results = []
for _ in range(4):
    lock = threading.Lock()
    lock.acquire()
    holder, begun = [lock.acquire], threading.Event()
    del lock
    t = threading.Thread(target=lambda: results.append(wait(holder, begun)))
    t.start()
    begun.wait()
    # It waits in the lock, or will call this.
    holder[0] = lambda *_: False
    while t.is_alive():
        gc.collect()
        fresh = [threading.Lock() for _ in range(50)]
        t.join(0.01)
    t.join()
print(results)


class Names(dict):
    """A namespace that runs code when something is stored there."""

    def __setitem__(self, name, value):
        gc.collect()
        super().__setitem__(name, value)


def store(made):
    names = Names(box=made)
    exec("value = box[0]\nbox.clear()\nother = value", {}, names)
    return names["other"]


out = []
made = [[("a", 1)]]
t = threading.Thread(target=lambda: out.append(store(made)))
t.start()
t.join()
print(out)
