#: source that does not end | COMPILE_ERROR
(((((((((((

#: source that is no text | COMPILE_ERROR or EXCEPTION SyntaxError or EXCEPTION ValueError
compile(b'\xff\xfe\x00x = 1', 'a', 'exec')

#: NUL in source | EXCEPTION SyntaxError or COMPILE_ERROR or EXCEPTION ValueError
compile('x = 1\x00', 'a', 'exec')

#: many statements | WALL_TIME or MEMORY
s = 'x = 1\n' * 100_000
#: go
while True: compile(s, 'a', 'exec')

#: a long literal | WALL_TIME or MEMORY
s = '[' + '1,' * 100_000 + ']'
#: go
while True: compile(s, 'a', 'eval')

#: a long sum | WALL_TIME or MEMORY or STACK or COMPILE_ERROR or EXCEPTION RecursionError
s = '1' + '+x' * 50_000
#: go
while True: compile(s, 'a', 'eval')

#: constants that fold without end | COMPLETED
compile('(("x" * 4000) * 4000) * 4000', 'a', 'eval')
compile('2 ** 2 ** 2 ** 2 ** 2 ** 2', 'a', 'eval')
compile('1 << (1 << 40)', 'a', 'eval')

#: f-strings in f-strings | COMPLETED or COMPILE_ERROR or EXCEPTION SyntaxError
s = '1'
for _ in range(100): s = "f'{" + s + "}'"
compile(s, 'a', 'eval')

#: many nested functions | COMPLETED or EXCEPTION SyntaxError or EXCEPTION IndentationError or STACK
compile('\n'.join(' ' * i + f'def f{i}():' for i in range(99)) + '\n' + ' ' * 99 + 'pass', 'a', 'exec')

#: many blocks | EXCEPTION SyntaxError or EXCEPTION IndentationError or COMPLETED
compile('\n'.join(' ' * i + 'while 1:' for i in range(99)) + '\n' + ' ' * 99 + 'pass', 'a', 'exec')

#: many names | COMPLETED or MEMORY
exec(';'.join(f'x{i}=1' for i in range(20_000)), {})

#: many arguments | COMPLETED or EXCEPTION SyntaxError
eval('(lambda *a: len(a))(' + '1,' * 20_000 + ')')

#: eval in eval | STACK
s = 'eval(s)'
eval(s)

#: exec that loops | WALL_TIME
exec('while True: pass')

#: ast of everything | COMPLETED or MEMORY
import ast
ast.dump(ast.parse('x = [1, 2, 3]\n' * 1000))[:0]

#: trees made by hand in circles | STACK or EXCEPTION TypeError or EXCEPTION ValueError or MEMORY
import ast
n = ast.parse('[1]', mode='eval')
n.body.elts.append(n.body)
compile(n, 'a', 'eval')

#: trees made of the wrong things | EXCEPTION TypeError or EXCEPTION ValueError or EXCEPTION SyntaxError or EXCEPTION AttributeError
import ast
compile(ast.Module([ast.Expr(7)], []), 'a', 'exec')

#: code objects made by hand | EXCEPTION TypeError or EXCEPTION ValueError or EXCEPTION SystemError or EXCEPTION AttributeError or EXCEPTION NotImplementedError
import types
c = (lambda: 1).__code__
exec(c.replace(co_code=b'\xff' * 100, co_consts=(), co_names=(), co_stacksize=0))

#: code objects from marshal | EXCEPTION ValueError or EXCEPTION EOFError or EXCEPTION TypeError
import marshal
marshal.loads(b'\xe3' + b'\xff' * 200)

#: marshal in circles and holes | COMPLETED
import marshal
for i in range(256):
    for tail in (b'', b'\x00' * 40, b'\xff' * 40, b'\x01\x00\x00\x00' * 10):
        try: marshal.loads(bytes([i]) + tail)
        except (ValueError, EOFError, TypeError, MemoryError, RecursionError): pass

#: pickle that calls what it likes | EXCEPTION PermissionError or EXCEPTION AttributeError or EXCEPTION OSError
import pickle
pickle.loads(b"cos\nsystem\n(S'id'\ntR.")

#: pickle of garbage | COMPLETED
import pickle
for i in range(256):
    for tail in (b'', b'\x00' * 40, b'\xff' * 40, b'(lp0\n.'):
        try: pickle.loads(bytes([i]) + tail)
        except Exception: pass

#: type parameters without end | COMPLETED or EXCEPTION SyntaxError
exec('def f[' + ','.join(f'T{i}' for i in range(2000)) + '](): pass')

#: match with very many cases | COMPLETED
exec('match 7:\n' + ''.join(f' case {i}: pass\n' for i in range(1000, 4000)))
