# A dict that is used as a stack: its table must keep empty places.
d = {}
for i in range(5000):
    d[i] = i
    if d.popitem() != (i, i) or i in d or -1 in d:
        print("wrong", i)
d = dict.fromkeys("abcde")
for i in range(5000):
    d[i] = i
    d[-i - 1] = i
    d.popitem()
    d.pop(i)
print(len(d), "z" in d, list(d))
d = dict.fromkeys(range(100))
while len(d) > 3:
    d.popitem()
    del d[next(reversed(d))]
print(d, 99 in d, 50 in d)
