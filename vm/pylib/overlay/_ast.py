"""The node classes of the abstract syntax tree: what CPython's _ast makes in C."""

PyCF_ONLY_AST, PyCF_TYPE_COMMENTS, PyCF_ALLOW_TOP_LEVEL_AWAIT, PyCF_OPTIMIZED_AST = 0x400, 0x1000, 0x2000, 0x8400


class AST:
    _fields = _attributes = ()
    __match_args__ = ()
    _field_types = {}

    def __init__(self, *args, **kwargs):
        fields = self._fields
        if len(args) > len(fields):
            s = "" if len(fields) == 1 else "s"
            raise TypeError(f"{type(self).__name__} constructor takes at most {len(fields)} positional argument{s}")
        for name, value in zip(fields, args):
            if name in kwargs:
                raise TypeError(f"{type(self).__name__} got multiple values for argument {name!r}")
            setattr(self, name, value)
        given = set(fields[:len(args)]) | set(kwargs)
        for name, value in kwargs.items():
            if name not in fields and name not in self._attributes:
                import warnings
                warnings.warn(f"{type(self).__name__}.__init__ got an unexpected keyword argument {name!r}. "
                              "Support for arbitrary keyword arguments is deprecated and will be removed in Python 3.15.",
                              DeprecationWarning, stacklevel=2)
            setattr(self, name, value)
        for name in fields:
            if name in given:
                continue
            kind = self._kinds.get(name, "")
            if kind == "*":
                setattr(self, name, [])
            elif kind == "ctx":
                setattr(self, name, Load())
            elif kind != "?":
                import warnings
                warnings.warn(f"{type(self).__name__}.__init__ missing 1 required positional argument: {name!r}. "
                              "This will become an error in Python 3.15.", DeprecationWarning, stacklevel=2)

    def __reduce__(self):
        return type(self), (), dict(self.__dict__)

    def __replace__(self, **changes):
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.__dict__.update(changes)
        return new

    def __repr__(self):
        inner = ", ".join(f"{f}={getattr(self, f, None)!r}" for f in self._fields)
        return f"{type(self).__name__}({inner})"

    _kinds = {}


AST.__module__ = "ast"


def _node(name, base, fields, attributes, optional):
    names = tuple(f.rstrip("*?!") for f in fields.split())
    kinds = {f.rstrip("*?!"): {"*": "*", "?": "?", "!": "ctx"}.get(f[-1], "") for f in fields.split()}
    space = {"_fields": names, "__match_args__": names, "_kinds": kinds, "__module__": "ast"}
    if attributes:
        space["_attributes"] = tuple(attributes.split())
    for f in names:
        if kinds[f] == "?":
            space[f] = None
    for f in optional.split():
        space[f] = None
    globals()[name] = type(name, (globals()[base],), space)


_node('mod', 'AST', '', '', '')
_node('Module', 'mod', 'body* type_ignores*', '', '')
_node('Interactive', 'mod', 'body*', '', '')
_node('Expression', 'mod', 'body', '', '')
_node('FunctionType', 'mod', 'argtypes* returns', '', '')
_node('stmt', 'AST', '', 'lineno col_offset end_lineno end_col_offset', 'end_lineno end_col_offset')
_node('FunctionDef', 'stmt', 'name args body* decorator_list* returns? type_comment? type_params*', '', '')
_node('AsyncFunctionDef', 'stmt', 'name args body* decorator_list* returns? type_comment? type_params*', '', '')
_node('ClassDef', 'stmt', 'name bases* keywords* body* decorator_list* type_params*', '', '')
_node('Return', 'stmt', 'value?', '', '')
_node('Delete', 'stmt', 'targets*', '', '')
_node('Assign', 'stmt', 'targets* value type_comment?', '', '')
_node('TypeAlias', 'stmt', 'name type_params* value', '', '')
_node('AugAssign', 'stmt', 'target op value', '', '')
_node('AnnAssign', 'stmt', 'target annotation value? simple', '', '')
_node('For', 'stmt', 'target iter body* orelse* type_comment?', '', '')
_node('AsyncFor', 'stmt', 'target iter body* orelse* type_comment?', '', '')
_node('While', 'stmt', 'test body* orelse*', '', '')
_node('If', 'stmt', 'test body* orelse*', '', '')
_node('With', 'stmt', 'items* body* type_comment?', '', '')
_node('AsyncWith', 'stmt', 'items* body* type_comment?', '', '')
_node('Match', 'stmt', 'subject cases*', '', '')
_node('Raise', 'stmt', 'exc? cause?', '', '')
_node('Try', 'stmt', 'body* handlers* orelse* finalbody*', '', '')
_node('TryStar', 'stmt', 'body* handlers* orelse* finalbody*', '', '')
_node('Assert', 'stmt', 'test msg?', '', '')
_node('Import', 'stmt', 'names*', '', '')
_node('ImportFrom', 'stmt', 'module? names* level?', '', '')
_node('Global', 'stmt', 'names*', '', '')
_node('Nonlocal', 'stmt', 'names*', '', '')
_node('Expr', 'stmt', 'value', '', '')
_node('Pass', 'stmt', '', '', '')
_node('Break', 'stmt', '', '', '')
_node('Continue', 'stmt', '', '', '')
_node('expr', 'AST', '', 'lineno col_offset end_lineno end_col_offset', 'end_lineno end_col_offset')
_node('BoolOp', 'expr', 'op values*', '', '')
_node('NamedExpr', 'expr', 'target value', '', '')
_node('BinOp', 'expr', 'left op right', '', '')
_node('UnaryOp', 'expr', 'op operand', '', '')
_node('Lambda', 'expr', 'args body', '', '')
_node('IfExp', 'expr', 'test body orelse', '', '')
_node('Dict', 'expr', 'keys* values*', '', '')
_node('Set', 'expr', 'elts*', '', '')
_node('ListComp', 'expr', 'elt generators*', '', '')
_node('SetComp', 'expr', 'elt generators*', '', '')
_node('DictComp', 'expr', 'key value generators*', '', '')
_node('GeneratorExp', 'expr', 'elt generators*', '', '')
_node('Await', 'expr', 'value', '', '')
_node('Yield', 'expr', 'value?', '', '')
_node('YieldFrom', 'expr', 'value', '', '')
_node('Compare', 'expr', 'left ops* comparators*', '', '')
_node('Call', 'expr', 'func args* keywords*', '', '')
_node('FormattedValue', 'expr', 'value conversion format_spec?', '', '')
_node('Interpolation', 'expr', 'value str conversion format_spec?', '', '')
_node('JoinedStr', 'expr', 'values*', '', '')
_node('TemplateStr', 'expr', 'values*', '', '')
_node('Constant', 'expr', 'value kind?', '', '')
_node('Attribute', 'expr', 'value attr ctx!', '', '')
_node('Subscript', 'expr', 'value slice ctx!', '', '')
_node('Starred', 'expr', 'value ctx!', '', '')
_node('Name', 'expr', 'id ctx!', '', '')
_node('List', 'expr', 'elts* ctx!', '', '')
_node('Tuple', 'expr', 'elts* ctx!', '', '')
_node('Slice', 'expr', 'lower? upper? step?', '', '')
_node('expr_context', 'AST', '', '', '')
_node('Load', 'expr_context', '', '', '')
_node('Store', 'expr_context', '', '', '')
_node('Del', 'expr_context', '', '', '')
_node('boolop', 'AST', '', '', '')
_node('And', 'boolop', '', '', '')
_node('Or', 'boolop', '', '', '')
_node('operator', 'AST', '', '', '')
_node('Add', 'operator', '', '', '')
_node('Sub', 'operator', '', '', '')
_node('Mult', 'operator', '', '', '')
_node('MatMult', 'operator', '', '', '')
_node('Div', 'operator', '', '', '')
_node('Mod', 'operator', '', '', '')
_node('Pow', 'operator', '', '', '')
_node('LShift', 'operator', '', '', '')
_node('RShift', 'operator', '', '', '')
_node('BitOr', 'operator', '', '', '')
_node('BitXor', 'operator', '', '', '')
_node('BitAnd', 'operator', '', '', '')
_node('FloorDiv', 'operator', '', '', '')
_node('unaryop', 'AST', '', '', '')
_node('Invert', 'unaryop', '', '', '')
_node('Not', 'unaryop', '', '', '')
_node('UAdd', 'unaryop', '', '', '')
_node('USub', 'unaryop', '', '', '')
_node('cmpop', 'AST', '', '', '')
_node('Eq', 'cmpop', '', '', '')
_node('NotEq', 'cmpop', '', '', '')
_node('Lt', 'cmpop', '', '', '')
_node('LtE', 'cmpop', '', '', '')
_node('Gt', 'cmpop', '', '', '')
_node('GtE', 'cmpop', '', '', '')
_node('Is', 'cmpop', '', '', '')
_node('IsNot', 'cmpop', '', '', '')
_node('In', 'cmpop', '', '', '')
_node('NotIn', 'cmpop', '', '', '')
_node('comprehension', 'AST', 'target iter ifs* is_async', '', '')
_node('excepthandler', 'AST', '', 'lineno col_offset end_lineno end_col_offset', 'end_lineno end_col_offset')
_node('ExceptHandler', 'excepthandler', 'type? name? body*', '', '')
_node('arguments', 'AST', 'posonlyargs* args* vararg? kwonlyargs* kw_defaults* kwarg? defaults*', '', '')
_node('arg', 'AST', 'arg annotation? type_comment?', 'lineno col_offset end_lineno end_col_offset', 'end_lineno end_col_offset')
_node('keyword', 'AST', 'arg? value', 'lineno col_offset end_lineno end_col_offset', 'end_lineno end_col_offset')
_node('alias', 'AST', 'name asname?', 'lineno col_offset end_lineno end_col_offset', 'end_lineno end_col_offset')
_node('withitem', 'AST', 'context_expr optional_vars?', '', '')
_node('match_case', 'AST', 'pattern guard? body*', '', '')
_node('pattern', 'AST', '', 'lineno col_offset end_lineno end_col_offset', '')
_node('MatchValue', 'pattern', 'value', '', '')
_node('MatchSingleton', 'pattern', 'value', '', '')
_node('MatchSequence', 'pattern', 'patterns*', '', '')
_node('MatchMapping', 'pattern', 'keys* patterns* rest?', '', '')
_node('MatchClass', 'pattern', 'cls patterns* kwd_attrs* kwd_patterns*', '', '')
_node('MatchStar', 'pattern', 'name?', '', '')
_node('MatchAs', 'pattern', 'pattern? name?', '', '')
_node('MatchOr', 'pattern', 'patterns*', '', '')
_node('type_ignore', 'AST', '', '', '')
_node('TypeIgnore', 'type_ignore', 'lineno tag', '', '')
_node('type_param', 'AST', '', 'lineno col_offset end_lineno end_col_offset', '')
_node('TypeVar', 'type_param', 'name bound? default_value?', '', '')
_node('ParamSpec', 'type_param', 'name default_value?', '', '')
_node('TypeVarTuple', 'type_param', 'name default_value?', '', '')
