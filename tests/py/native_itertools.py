# The natives of itertools: results and error texts.
import itertools as it


def tr(f):
    try:
        print(f())
    except BaseException as e:
        print(type(e).__name__, e)


tr(lambda: list(it.combinations(range(4),2)))
tr(lambda: list(it.permutations(range(3),2)))
tr(lambda: list(it.product('ab',[1,2])))
tr(lambda: list(it.combinations_with_replacement('abc',2)))
tr(lambda: list(it.islice(it.count(5,2),2,10,3)))
tr(lambda: [(k,list(g)) for k,g in it.groupby('aabbbc')])
tr(lambda: list(it.zip_longest('abc','d',fillvalue=0)))
tr(lambda: list(it.chain('ab',[1])) + list(it.chain.from_iterable(['xy','z'])))
tr(lambda: [list(x) for x in it.tee(range(100),3)][2][-3:])
tr(lambda: list(it.accumulate([1,2,3],initial=10)))
tr(lambda: list(it.batched('abcde',2)))
tr(lambda: list(it.batched('abcde',2,strict=True)))
tr(lambda: list(it.pairwise('abcd')))
tr(lambda: list(it.islice(it.cycle('ab'),5)))
tr(lambda: (it.repeat(3,2), it.count(1), it.count(1,2)))
tr(lambda: it.islice([],-1))
tr(lambda: it.permutations([],'a'))
tr(lambda: it.product([],x=1))
tr(lambda: it.batched([],0))
tr(lambda: it.chain(x=1))
tr(lambda: it.repeat())
tr(lambda: it.count('a'))
