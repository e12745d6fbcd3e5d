# What a class is to patterns, pickles and messages, whatever its layout comes from; and numbers that are refused.
import collections
import pickle
import typing
import warnings


class C:
    pass


class M1(collections.UserDict, collections.abc.Sequence):
    pass


class M2(collections.UserDict, C, list):
    pass


class M3(dict, collections.abc.Sequence, C):
    pass


class S1(collections.UserList, collections.abc.Mapping):
    pass


class S2(list, C, collections.abc.Mapping):
    pass


class S3(collections.UserList, dict, C):
    pass


for kind in (M1, M2, M3, S1, S2, S3):
    match kind():
        case {}:
            print(kind.__name__, "mapping")
        case [*_]:
            print(kind.__name__, "sequence")

try:

    class My[X](object):
        pass

except TypeError as e:
    print(e)


class G[T]:
    pass


class K(typing.Generic[typing.TypeVar("T")]):
    def __init__(self, x):
        self.x = x


for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
    print(protocol, type(pickle.loads(pickle.dumps(G(), protocol))).__name__, pickle.loads(pickle.dumps(K(3), protocol)).x)
print(typing.Generic.__new__ is object.__new__)
for made in (lambda: K(1, 2), lambda: G(1)):
    try:
        made()
    except TypeError as e:
        print(e)

for source in ("0xfspam", "0xfand x", "x if 0xfelse y", "9spam", "1.spam", "1jspam", "[0x1for x in (1, 2)]", "0x1if 0xfspam else 1"):
    with warnings.catch_warnings(record=True) as w:
        warnings.simplefilter("always")
        try:
            compile(source, "t", "eval")
        except SyntaxError as e:
            print(source, e.msg, [str(x.message) for x in w])
        else:
            print(source, [str(x.message) for x in w])
