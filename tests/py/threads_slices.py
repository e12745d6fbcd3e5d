"""Slices of a list that another thread makes longer and shorter meanwhile: a slice is of what the list held at some moment."""
import threading

ROUNDS = 3000
WIDTH = 400
shared = list(range(WIDTH))
begun = threading.Barrier(3)
done = threading.Event()


def change():
    begun.wait()
    while not done.is_set():
        del shared[WIDTH // 8:]
        shared.extend(range(WIDTH // 8, WIDTH))
        shared[3:5] = [3, 4]


def rising(items, step):
    return all(type(item) is int for item in items) and all(b - a == step for a, b in zip(items, items[1:]))


def look(wrong):
    begun.wait()
    for k in range(ROUNDS):
        for what, step in ((shared[5:], 1), (shared[1:WIDTH], 1), (shared[::-1], -1), (shared[2::3], 3), (shared[k % 50::-2], -2)):
            if not rising(what, step):
                wrong.append((step, what))
        copy = shared[:40]
        copy[5:9] = copy[8:4:-1]
        if copy[5:9] != [8, 7, 6, 5]:
            wrong.append(copy)


wrong = []
threads = [threading.Thread(target=look, args=(wrong,)) for _ in range(2)]
changer = threading.Thread(target=change)
for thread in (changer, *threads):
    thread.start()
for thread in threads:
    thread.join()
done.set()
changer.join()
print(wrong[:3])

# Old items end after the new ones are in place.
class Ends:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print(self.name, [item if type(item) in (int, str) else item.name for item in items[:3]])


items = [Ends("a"), 1, Ends("b"), 3]
items[0:3] = [5, 6, 7]
items[:] = items
items[1:3] = items[2:0:-1]
print(items, items[::2], items[10:], items[:0:-1], items[-1:-9:-2])
items = [Ends(k) for k in range(4)]
items[1:3] = "xyz"
items[:2] = iter("pq")
items[-1:] = []
print(items)
