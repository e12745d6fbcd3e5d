"""Objects that only one thread has, in its hot loops: handed on, found by weak references, kept by closures and containers."""

import queue
import threading
import weakref


class Box:
    def __init__(self, n):
        self.n = n
        self.row = []

    def add(self, k):
        self.n += k
        return self.n


def work(box, row, rounds):
    for i in range(rounds):
        box.n = box.n + 1
        box.add(1)
        row.append(i)
        row[0] = row[0] + 2
        row[i // 2] = row[i // 2] + 0
    return box.n, row[0], len(row)


def handed(rounds, times):
    """Two threads pass boxes to and fro: each has what it was given to itself, until it passes it on."""
    there, back, wrong = queue.SimpleQueue(), queue.SimpleQueue(), []

    def other():
        while (item := there.get()) is not None:
            box, row = item
            del item
            if work(box, row, rounds) != (box.n, row[0], len(row)):
                wrong.append("other")
            back.put((box, row))

    thread = threading.Thread(target=other)
    thread.start()
    box, row = Box(0), [0]
    for _ in range(times):
        work(box, row, rounds)
        there.put((box, row))
        work(Box(0), [0], rounds)
        box, row = back.get()
    there.put(None)
    thread.join()
    return box.n, row[0], len(row), wrong


def kept_by_others(rounds):
    """The loop lets others have its objects, while it goes on with them."""
    shelf, totals = {}, []
    stop = threading.Event()

    def reader():
        seen = 0
        while not stop.is_set():
            found = shelf.get("box")
            if found is not None:
                box, row = found
                if not box.n >= 0 or not row:
                    totals.append("wrong")
                seen += len(row) > 0
        totals.append("seen" if seen >= 0 else "")

    thread = threading.Thread(target=reader)
    thread.start()
    sums = 0
    for k in range(20):
        box, row = Box(0), [0]
        for i in range(rounds):
            box.n = box.n + 1
            row.append(box.n)
            row[0] = row[0] + 1
            if i == rounds // 2:
                shelf["box"] = (box, row)
        sums += box.n + row[0] + len(row)
    stop.set()
    thread.join()
    return sums, totals


def weakly(rounds):
    """A weak reference is another way to the object."""
    refs, out = [], []
    done = threading.Event()

    def looker():
        while not done.is_set():
            for ref in list(refs):
                box = ref()
                if box is not None:
                    box.extra = 1
        out.append("looked")

    thread = threading.Thread(target=looker)
    thread.start()
    total = 0
    for k in range(10):
        box = Box(k)
        for i in range(rounds):
            box.n = box.n + 1
            if i == rounds // 3:
                refs.append(weakref.ref(box))
        total += box.n
        del box
    done.set()
    thread.join()
    return total, out


def closed_over(rounds):
    """A closure made in the loop has the object, too."""
    results = []

    def one():
        box = Box(0)
        row = [0]
        for i in range(rounds):
            box.n = box.n + 1
            row[0] = row[0] + 1
            if i % 50 == 0:
                keep = lambda: (box.n, row[0])
        results.append((box.n, row[0], keep() == (box.n, row[0])))

    threads = [threading.Thread(target=one) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def classes_change(rounds):
    """Attributes come and go, and the class is another, while only the loop has the object."""
    class Other(Box):
        def add(self, k):
            self.n += 2 * k
            return self.n

    def one(out):
        total = 0
        for k in range(8):
            box = Box(0)
            for i in range(rounds):
                box.n = box.n + 1
                box.add(1)
                if i == rounds // 2:
                    box.late = i
                if i > rounds // 2:
                    box.late = box.late + 1
                if i == rounds * 3 // 4:
                    box.__class__ = Other
            total += box.n + box.late
        out.append(total)

    out = []
    threads = [threading.Thread(target=one, args=(out,)) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return out


print(handed(200, 12))
print(kept_by_others(300))
print(weakly(300))
print(closed_over(400))
print(classes_change(200))
