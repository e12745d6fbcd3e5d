import typing, copy, pickle
from typing import *


def attempt(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, e)


T = TypeVar("T")
U = TypeVar("U", bound=int, covariant=True)
D = TypeVar("D", default=int)
P = ParamSpec("P")
Ts = TypeVarTuple("Ts")
print(T, U, D, P, Ts, T.__module__, TypeVar.__module__, copy.copy(T) is T, pickle.loads(pickle.dumps(T)) is T)
print(T | int, int | T, P | None, T | "x", T.__bound__, U.__bound__, T.__constraints__, D.__default__, T.__default__)
attempt(lambda: Ts | int)
attempt(lambda: TypeVar("X", int))
attempt(lambda: TypeVar("X", int, str, bound=int))
attempt(lambda: TypeVar(1))
attempt(lambda: TypeVar())
attempt(lambda: TypeVar("X", covariant=True, contravariant=True))
attempt(lambda: TypeVar("X", covariant=True, infer_variance=True))
attempt(lambda: type("X", (TypeVar,), {}))
attempt(lambda: T.__mro_entries__(()))
attempt(lambda: Ts.__typing_subst__(int))
attempt(lambda: tuple[T, U, D][int])
print(tuple[T, U, D][int, str], P.args, P.kwargs, P.args == P.args, P.args == P.kwargs, [*Ts])
attempt(lambda: hash(P.args))
print(U.evaluate_bound, U.evaluate_bound(1), D.evaluate_default(4), T.evaluate_bound, T.has_default(), D.has_default())
print(NoDefault, type(NoDefault)() is NoDefault, NoDefault.__reduce__())


class A[X: int, *Y, **Z]:
    pass


def f[X: (int, str), V = list](x: X) -> V: ...


print(A.__orig_bases__, A.__parameters__, A.__type_params__, f.__type_params__)
x, v = f.__type_params__
print(x.__constraints__, v.__default__, x.__infer_variance__, x.__module__)
type Alias[K] = dict[K, Alias[K]]
print(Alias, Alias.__value__, Alias[int], Alias.__parameters__, Alias.__module__, Alias | None, [*Alias])
plain = TypeAliasType("plain", list[T], type_params=(T,))
print(plain, plain.__value__, plain[int], plain.evaluate_value(4), plain.__name__)
attempt(lambda: TypeAliasType("Q", int)[int])
attempt(lambda: TypeAliasType("Q", int, type_params=(D, T)))
attempt(lambda: TypeAliasType("Q", int, type_params=[T]))
attempt(lambda: TypeAliasType(1, int))
attempt(lambda: setattr(Alias, "__value__", 1))
attempt(lambda: setattr(T, "__name__", 1))


class G(Generic[T, U]):
    def __init__(self):
        self.x = 1


print(G[int, bool], G[int, bool]().x, G.__mro__, issubclass(G, Generic))
attempt(lambda: Generic[int])
attempt(lambda: G[int])


class M(dict, Generic[T]):
    pass


print(M(a=1), M[int](b=2), Generic() is not None)
