# compress() takes no selector once the data is at its end.
from itertools import compress, count, islice, takewhile, tee

counter = count(1)
print(list(compress("abc", counter)), next(counter))
selectors = iter([1, 0, 1, "left"])
print(list(compress("xyz", selectors)), list(selectors))
data = iter("pqr")
print(list(compress(data, [1])), list(data))
trues, after = tee([1, True, 0, False])
trues = compress(takewhile(bool, trues), zip(after))
print(list(trues), list(after))
print(list(islice(count(), 1, 10, 2**63 - 1)))
