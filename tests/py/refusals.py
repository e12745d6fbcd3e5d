"""How natives refuse what none of them takes: keyword arguments, deletions, keys that come twice, awaits."""
import asyncio
import types
for f in [
    lambda: [].append(k=1), lambda: [].append(1, k=1), lambda: [].copy(k=1), lambda: set().union(k=1),
    lambda: len(k=1), lambda: globals(k=1), lambda: dict.fromkeys(k=1), lambda: bytes.fromhex(k=1),
    lambda: 'a'.join(k=[]), lambda: {}.get(k=1), lambda: {1}.update(k=1), lambda: (1).bit_length(k=1),
    lambda: [].append(), lambda: [].append(1, 2), lambda: [].copy(1), lambda: {}.get(),
]:
    try:
        print(f())
    except TypeError as e:
        print(e)


class Index:
    def __index__(self):
        return 0


for v in [(1,), 'a', b'a', 1, 1.5, None, len, range(3), types.MappingProxyType({}), frozenset(), {}.keys(), object(), Index()]:
    for key in [0, 'x', Index(), slice(1), None]:
        try:
            del v[key]
        except TypeError as e:
            print(e)

for pattern in ['{0: _, False: _}', '{0: _, 0.0: _}', '{0: _, 0j: _}', '{0: _, -0: _}', '{1: _, 1.5: _}', '{"a": _, "a": _}',
                '{True: _, 1: _}', '{2 ** 0: _}', 'f""', 'f"{x}"', '{1: _, "1": _, b"1": _}', '{1 + 0j: _, 1: _}']:
    try:
        compile(f'match 0:\n case {pattern}: pass', 'p', 'exec')
        print('fine')
    except SyntaxError as e:
        print(e.msg, e.offset)


class Source:
    def __init__(self, what):
        self.what = what

    def __aiter__(self):
        return self

    def __anext__(self):
        return self.what


class Bad:
    def __await__(self):
        return 42


async def main():
    for what in [iter([]), Bad(), 1]:
        for default in [(), (1,)]:
            try:
                await anext(Source(what), *default)
            except TypeError as e:
                print(e)

asyncio.run(main())
