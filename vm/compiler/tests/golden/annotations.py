x: int = 1
if x:
    y: str
class A:
    z: int
    if x:
        w: str
def f(a: int, *b: *c) -> None: u: int = 1
