# Type parameters without an import.
def f[T: int, *Ts, **P, D = str](x: T) -> T:
    return x


class A[T]:
    pass


type X[Q] = list[Q]
print(f(1), f.__type_params__, A.__type_params__, A.__bases__, X, X[int])
