"""The compiler's symbol table: what CPython's _symtable makes in C."""

import _asdl

DEF_GLOBAL, DEF_LOCAL, DEF_PARAM, DEF_NONLOCAL, USE = 1, 2, 4, 8, 16
DEF_FREE_CLASS, DEF_IMPORT, DEF_ANNOT, DEF_COMP_ITER, DEF_TYPE_PARAM, DEF_COMP_CELL = 64, 128, 256, 512, 1024, 2048
DEF_BOUND = DEF_LOCAL | DEF_PARAM | DEF_IMPORT
SCOPE_OFF, SCOPE_MASK = 12, 15
LOCAL, GLOBAL_EXPLICIT, GLOBAL_IMPLICIT, FREE, CELL = 1, 2, 3, 4, 5
(TYPE_FUNCTION, TYPE_CLASS, TYPE_MODULE, TYPE_ANNOTATION, TYPE_TYPE_ALIAS, TYPE_TYPE_PARAMETERS,
 TYPE_TYPE_VARIABLE) = range(7)


class _Entry:
    __slots__ = ("id", "name", "type", "lineno", "nested", "symbols", "varnames", "children", "__weakref__")

    def __init__(self, row):
        _, self.name, self.type, self.lineno, self.nested, self.symbols, self.varnames, children = row
        self.id = id(self)
        self.children = [_Entry(child) for child in children]

    def __repr__(self):
        return f"<symtable entry {self.name}({self.id}), line {self.lineno}>"


_Entry.__name__ = _Entry.__qualname__ = "symtable entry"


def symtable(source, filename, startstr, /):
    return _Entry(_asdl.scopes(source, filename, startstr))
