from __future__ import annotations
x: list[int] = 1
def f(a: int | None) -> "str": pass
