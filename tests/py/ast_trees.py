# Trees of source, source of trees, and code of trees that Python made.
import ast
import symtable

SOURCE = '''
@decorate(1)
async def f(a, /, b: int = 2, *c, d=3, **e) -> "x":
    """Doc."""
    async with a as (b, c), d:
        await b
    try:
        x = yield
    except* (A, B) as e:
        raise C from e
    return [i async for i in c if i] or {**a, 'k': 1}

class D[T: int = str, *U, **V](B, metaclass=M):
    x: list[T] = []
    (y): int

type Alias[T] = T | None
if a := 1: pass
elif b: del c, d[1:2, ...]
else: global g
match m:
    case {"a": 1, **rest} if rest: pass
    case P(1, k=[x, *_]) | -1.5 as y: pass
print(f"{a!r:>{w}} {b=} {{}}" "c", t"{a:x}", u'u', b'b', 1j, -2 ** x, not y, lambda *, z=1: (yield))
for i, *j in k: continue
else: x @= 1
from .. import (n as o)
'''


def spans(tree):
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            yield type(node).__name__, node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


tree = ast.parse(SOURCE)
print(ast.dump(tree, indent=1))
print(sorted(spans(tree)))
print(ast.unparse(tree))
print(ast.compare(tree, ast.parse(ast.unparse(tree))))
print(ast.dump(ast.parse("(int, *str, **Any) -> float", mode="func_type")))
print(ast.literal_eval("{'a': [1, -2.5, 1+2j, (None, True)], 'b': {b'x'}}"))
print(repr(ast.parse("x = [1, 2, 3]")))


class Double(ast.NodeTransformer):
    def visit_Constant(self, node):
        return ast.copy_location(ast.BinOp(node, ast.Mult(), ast.Constant(2)), node)


doubled = ast.fix_missing_locations(Double().visit(ast.parse("print(1 + 20, f'{3}!')")))
exec(compile(doubled, "<doubled>", "exec"))

frozen = ast.Expression(ast.Constant(frozenset({1}), lineno=7, col_offset=3))
code = compile(frozen, "<frozen>", "eval")
print(eval(code), list(code.co_positions())[-1][:1])

for bad in (
    ast.Module([ast.Expr(ast.Name("x", ast.Store()))], []),
    ast.Module([ast.FunctionDef("f", ast.arguments(), [])], []),
    ast.Module([ast.Assign([ast.Constant(1)], ast.Constant(2))], []),
    ast.Module([ast.Expr(ast.Constant([]))], []),
    ast.Module([ast.Expr(3)], []),
    ast.Module([ast.Expr(ast.Load())], []),
    ast.Module([ast.Expr(ast.Compare(ast.Constant(1), [], []))], []),
    ast.Module([None], []),
    ast.Expression(ast.Constant(1)),
):
    try:
        compile(ast.fix_missing_locations(bad), "<bad>", "exec")
    except (TypeError, ValueError) as e:
        print(type(e).__name__, e)

table = symtable.symtable("def f(a):\n    global g\n    def h(): return a + g\n    return [i for i in a]\n", "s", "exec")
f = [c for c in table.get_children() if c.get_type() == "function"][0]
print(f.get_parameters(), f.get_locals(), f.get_globals(), f.lookup("a").is_local(), f.is_nested())
h = [c for c in f.get_children() if c.get_name() == "h"][0]
print(h.get_frees(), h.get_globals(), h.is_nested(), h.get_lineno())
