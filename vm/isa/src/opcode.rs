//! The opcode table: the one place where an opcode exists.
//!
//! A row is `Name, extra, [a b c], "summary";` where `extra` is the number of words after the instruction (jump targets,
//! constant indices and inline caches) and the bracket says what each operand is:
//! `d` register written, `s` register read (its kill bit decides whether it dies), `u` register read and kept, `m` register modified in place,
//! `w` window of registers consumed (count in `c` unless the row says otherwise), `n` name index, `i` immediate,
//! `k` constant index in `bc`, `j` jump offset in `bc`, `_` unused.
//! Rows after the specialized mark are written by the interpreter into a thread's quick copy only, never by the compiler.

/// Calls `$mac!` with every row.
#[macro_export]
macro_rules! for_each_opcode {
    ($mac:ident) => {
        $mac! {
            // --- moves, constants
            Nop, 0, [_ _ _], "no operation";
            Resume, 0, [_ _ _], "start or resume of a function body: polls; kind is ResumeKind";
            Move, 0, [d s _], "a = b";
            LoadConst, 0, [d k k], "a = consts[bc]";
            LoadInt, 0, [d i i], "a = int bc";
            Clear, 0, [d _ _], "a = unbound, dropping what it held (no error when unbound)";
            CheckBound, 0, [u _ _], "UnboundLocalError/NameError unless local a is bound";
            DeleteFast, 0, [d _ _], "del local a; error when unbound";
            LoadCommon, 0, [d _ _], "a = common constant of kind CommonKind";
            // --- cells
            MakeCell, 0, [m _ _], "a = cell(a)";
            CopyFreeVars, 0, [d _ i], "registers a.. = the function's closure, c of them";
            LoadDeref, 0, [d u _], "a = contents of cell b; NameError when empty";
            StoreDeref, 0, [u s _], "contents of cell a = b";
            DeleteDeref, 0, [u _ _], "empty cell a; error when empty";
            LoadClassDeref, 0, [d s u], "a = dict b[name of cell c], else contents of cell c (class bodies)";
            // --- names
            LoadName, 2, [d _ n], "a = name c from locals, globals, builtins";
            StoreName, 2, [_ s n], "locals[name c] = b";
            DeleteName, 0, [_ _ n], "del locals[name c]";
            LoadGlobal, 2, [d _ n], "a = name c from globals, builtins";
            StoreGlobal, 2, [_ s n], "globals[name c] = b";
            DeleteGlobal, 0, [_ _ n], "del globals[name c]";
            LoadLocals, 0, [d _ _], "a = locals namespace";
            LoadFromDictOrGlobals, 0, [d s n], "a = dict b[name c], else as LoadGlobal";
            LoadBuildClass, 0, [d _ _], "a = builtins.__build_class__";
            SetupAnnotations, 0, [_ _ _], "create __annotations__ in the locals namespace unless there";
            // --- attributes
            LoadAttr, 4, [d s n], "a = b.c";
            LoadMethod, 4, [d s n], "a, a+1 = (function, b) or (b.c, null)";
            StoreAttr, 4, [s s n], "a.c = b";
            DeleteAttr, 0, [_ s n], "del b.c";
            LoadSuperAttr, 2, [d w n], "a = super(b+1, b+2).c; b holds what the name super is bound to; b..b+3 die";
            LoadSuperMethod, 2, [d w n], "a, a+1 = as LoadMethod on super(b+1, b+2); b..b+3 die";
            LoadSpecial, 2, [d s _], "a, a+1 = special method of b as for LoadMethod; kind is SpecialKind";
            // --- subscripts
            GetItem, 1, [d s s], "a = b[c]";
            GetItemImm, 1, [d s i], "a = b[int c]";
            SetItem, 1, [s s s], "a[b] = c";
            DelItem, 0, [_ s s], "del b[c]";
            GetSlice, 0, [d s w], "a = b[c:c+1]; registers c, c+1 die";
            SetSlice, 0, [s s w], "a[c:c+1] = b; registers c, c+1 die";
            // --- operators
            BinaryOp, 1, [d s s], "a = b op c; kind is BinaryKind";
            BinaryOpImm, 1, [d s i], "a = b op int c; kind is BinaryKind";
            UnaryOp, 0, [d s _], "a = op b; kind is UnaryKind";
            Compare, 1, [d s s], "a = b op c; kind is CompareKind";
            CompareImm, 1, [d s i], "a = b op int c; kind is CompareKind";
            CompareJump, 2, [_ s s], "jump by extra 0 if bool(b op c) is the sense bit; kind is CompareKind | sense << 3";
            CompareImmJump, 2, [_ s i], "jump by extra 0 if bool(b op int c) is the sense bit";
            Is, 0, [d s s], "a = b is c; kind 1 inverts";
            Contains, 1, [d s s], "a = b in c; kind 1 inverts";
            ToBool, 0, [d s _], "a = bool(b)";
            // --- jumps
            Jump, 0, [_ j j], "jump";
            JumpBack, 1, [_ j j], "jump backwards: polls, counts";
            JumpIfTrue, 0, [s j j], "jump if bool(a)";
            JumpIfFalse, 0, [s j j], "jump if not bool(a)";
            JumpIfNone, 0, [s j j], "jump if a is None";
            JumpIfNotNone, 0, [s j j], "jump if a is not None";
            // --- iteration
            GetIter, 0, [d s _], "a = iter(b)";
            ForIter, 2, [d m _], "a = next(b), or drop b and jump by extra 0 when exhausted";
            GetYieldFromIter, 0, [d s _], "a = iterator for yield from over b";
            GetLen, 0, [d u _], "a = len(b); b is kept";
            UnpackSequence, 1, [d s i], "registers a..a+c = b, exactly c items";
            UnpackEx, 0, [d s i], "registers a.. = b with a starred target; c = before | after << 8";
            // --- calls; every register of the window dies
            Call, 3, [d w i], "a = b(b+1 .. b+c)";
            CallMethod, 3, [d w i], "a = b([b+1,] b+2 .. b+1+c); register b+1 null means no self";
            CallKw, 3, [d w i], "as CallMethod, the last len(names) arguments by keyword; extra 0 = constant index of the names";
            CallEx, 0, [d w _], "a = b(*b+1, **b+2); b+2 may be null";
            Return, 0, [s _ _], "return a";
            ReturnConst, 0, [_ k k], "return consts[bc]";
            // --- building; windows die
            BuildTuple, 0, [d w i], "a = tuple of b..b+c";
            BuildList, 0, [d w i], "a = list of b..b+c";
            BuildSet, 0, [d w i], "a = set of b..b+c";
            BuildMap, 0, [d w i], "a = dict of c pairs from b";
            BuildString, 0, [d w i], "a = concatenation of strings b..b+c";
            BuildSlice, 0, [d w i], "a = slice of b..b+c, c is 2 or 3";
            ListAppend, 0, [u s _], "a.append(b)";
            ListExtend, 0, [u s _], "a.extend(b)";
            ListToTuple, 0, [d s _], "a = tuple(list b)";
            SetAdd, 0, [u s _], "a.add(b)";
            SetUpdate, 0, [u s _], "a.update(b)";
            MapAdd, 0, [u s s], "a[b] = c, dict comprehension";
            DictUpdate, 0, [u s _], "a.update(b), for a display";
            DictMerge, 0, [u s u], "a.update(b), duplicate keys are an error that names function c";
            FormatValue, 0, [d s s], "a = format(conversion(b), c); c may be NO_REG; kind is ConversionKind";
            BuildInterpolation, 0, [d w i], "a = Interpolation(b, b+1[, b+2 format]); c is 2 or 3; kind is ConversionKind";
            BuildTemplate, 0, [d s s], "a = Template(strings tuple b, interpolations tuple c)";
            // --- functions, classes, imports
            MakeFunction, 0, [d k k], "a = function of code constant bc";
            SetFunctionAttr, 0, [u s _], "set a part of function a to b; kind is FunctionPart";
            ImportName, 0, [d w n], "a = __import__(name c, level b, fromlist b+1); b, b+1 die";
            ImportFrom, 0, [d u n], "a = from module b import c; b is kept";
            ImportStar, 0, [_ s _], "from module b import * into the locals namespace";
            Intrinsic1, 0, [d s _], "a = intrinsic(b); kind is Intrinsic1Kind";
            Intrinsic2, 0, [d s s], "a = intrinsic(b, c); kind is Intrinsic2Kind";
            // --- pattern matching
            MatchSequence, 0, [d u _], "a = b matches a sequence pattern";
            MatchMapping, 0, [d u _], "a = b matches a mapping pattern";
            MatchKeys, 0, [d u u], "a = tuple of values of mapping b for keys tuple c, or None";
            MatchClass, 1, [d s s], "a = tuple of attributes of subject b as class c, or None; extra 0 = names constant | positional count << 32";
            // --- exceptions
            Raise, 0, [_ s s], "raise b from c; kind is the number of operands 0, 1, 2";
            Reraise, 0, [s _ _], "raise exception a again, its traceback kept; kind 1: the frame is left where it was raised";
            PushExc, 0, [m _ _], "make exception a the handled one; a+1 = the one handled before";
            PopExc, 0, [m _ _], "drop exception a; the one of a+1 is handled again";
            CheckExc, 0, [d u s], "a = exception b matches type(s) c; error when c is no exception type";
            CheckExcGroup, 0, [d s s], "a, a+1 = (matching group or None, rest or None) of b by type(s) c";
            WithExcept, 0, [d u u], "a = exit function b (self b+1) called with exception c's type, value, traceback";
            EndAsyncFor, 0, [s _ _], "drop StopAsyncIteration a, or raise a again";
            CleanupThrow, 0, [d s _], "a = value of StopIteration b, or raise b again";
            // --- generators and coroutines
            ReturnGenerator, 0, [_ _ _], "return a generator, coroutine or async generator that owns this frame";
            Yield, 0, [d s _], "yield b; a = what is sent in";
            Send, 2, [d u s], "a = send c into iterator b; jump by extra 0 when it finishes, a = its result";
            GetAwaitable, 0, [d s _], "a = awaitable iterator of b; kind 1 aenter, 2 aexit for the message";
            GetAiter, 0, [d s _], "a = aiter(b)";
            GetAnext, 0, [d u _], "a = awaitable of anext(b); b is kept";
            // --- specialized: only in quick copies
            BinaryAddInt, 1, [d s s], "int + int, immediate";
            BinarySubInt, 1, [d s s], "int - int, immediate";
            BinaryMulInt, 1, [d s s], "int * int, immediate";
            BinaryAndInt, 1, [d s s], "int & int, immediate";
            BinaryOrInt, 1, [d s s], "int | int, immediate";
            BinaryXorInt, 1, [d s s], "int ^ int, immediate";
            BinaryShlInt, 1, [d s s], "int << int, immediate";
            BinaryShrInt, 1, [d s s], "int >> int, immediate";
            BinaryFloorDivInt, 1, [d s s], "int // int, immediate";
            BinaryModInt, 1, [d s s], "int % int, immediate";
            BinaryAddFloat, 1, [d s s], "float + float, self-tagged";
            BinarySubFloat, 1, [d s s], "float - float, self-tagged";
            BinaryMulFloat, 1, [d s s], "float * float, self-tagged";
            BinaryDivFloat, 1, [d s s], "float / float, self-tagged";
            BinaryAddStr, 1, [d s s], "str + str";
            BinaryAddIntImm, 1, [d s i], "int + immediate";
            BinarySubIntImm, 1, [d s i], "int - immediate";
            BinaryMulIntImm, 1, [d s i], "int * immediate";
            BinaryAndIntImm, 1, [d s i], "int & immediate";
            BinaryShlIntImm, 1, [d s i], "int << immediate";
            BinaryShrIntImm, 1, [d s i], "int >> immediate";
            BinaryFloorDivIntImm, 1, [d s i], "int // immediate";
            BinaryModIntImm, 1, [d s i], "int % immediate";
            BinaryAddFloatImm, 1, [d s i], "float + immediate int";
            BinarySubFloatImm, 1, [d s i], "float - immediate int";
            BinaryMulFloatImm, 1, [d s i], "float * immediate int";
            BinaryDivFloatImm, 1, [d s i], "float or int / immediate int";
            CompareInt, 1, [d s s], "int op int";
            CompareFloat, 1, [d s s], "float op float";
            CompareIntImm, 1, [d s i], "int op immediate";
            CompareIntJump, 2, [_ s s], "int op int, jump";
            CompareFloatJump, 2, [_ s s], "float op float, jump";
            CompareStrJump, 2, [_ s s], "str == or != str, jump";
            CompareIntImmJump, 2, [_ s i], "int op immediate, jump";
            GetItemListInt, 1, [d s s], "list[int]";
            GetItemTupleInt, 1, [d s s], "tuple[int]";
            GetItemDict, 1, [d s s], "dict[key]";
            GetItemStrInt, 1, [d s s], "str[int]";
            GetItemPython, 1, [d s s], "__getitem__ is a Python function, which runs in this loop";
            LoadAttrSlot, 4, [d s n], "attribute in an instance slot";
            LoadAttrType, 4, [d s n], "non-data attribute found on the instance's type";
            LoadAttrMember, 4, [d s n], "__slots__ member";
            LoadAttrEntry, 4, [d s n], "attribute in an instance's dict";
            LoadAttrProperty, 4, [d s n], "property read by a Python function, which runs in this loop";
            LoadAttrModule, 4, [d s n], "attribute of a module";
            LoadAttrClass, 4, [d s n], "attribute of a class";
            LoadMethodType, 4, [d s n], "method found on the instance's type";
            LoadMethodMasked, 4, [d s n], "method found on the type of an instance with a dict";
            LoadMethodSlot, 4, [d s n], "callable in an instance slot";
            LoadMethodOther, 4, [d s n], "static or class method, or what does not bind, found on the instance's type";
            LoadMethodModule, 4, [d s n], "function of a module";
            LoadMethodClass, 4, [d s n], "function or class method of a class";
            StoreAttrSlot, 4, [s s n], "store into an instance slot";
            StoreAttrAdd, 4, [s s n], "store that adds a slot";
            StoreAttrMember, 4, [s s n], "store into a __slots__ member";
            LoadGlobalModule, 2, [d _ n], "global found in the module";
            LoadGlobalBuiltin, 2, [d _ n], "global found in builtins";
            ForIterList, 2, [d m _], "list iterator";
            ForIterTuple, 2, [d m _], "tuple iterator";
            ForIterRange, 2, [d m _], "range iterator";
            ForIterGen, 2, [d m _], "generator, resumed in this loop";
            ForIterEnumerate, 2, [d m _], "enumerate object; takes an UnpackSequence behind it along";
            ForIterZip, 2, [d m _], "zip object over two iterators; takes an UnpackSequence behind it along";
            ForIterItems, 2, [d m _], "dict's items; takes an UnpackSequence behind it along";
            CallNative, 3, [d m n], "Call where a native function is called; never written into code";
            CallMethodNative, 3, [d m n], "CallMethod where a native method is called; never written into code";
            CallClass, 3, [d m n], "Call where a class is called; never written into code";
            CallMethodClass, 3, [d m n], "CallMethod where a class is called; never written into code";
            CallKnown, 3, [d m n], "Call of a native function: extra 0 = its definition";
            CallMethodKnown, 3, [d m n], "CallMethod of a native function or method: extra 0 = its definition, 1 = shape of its object";
            SendGen, 2, [d u s], "send into a generator, resumed in this loop";
            JumpBackCounted, 1, [_ j j], "JumpBack where a tracing compiler looks: extra 0 counts down to its next look";
            ResumeCounted, 0, [_ i i], "Resume where a tracing compiler looks: bc counts down to its next look";
            Begin, 0, [_ _ _], "all there is of code that has not been called: makes the rest; never written into code";
            Breakpoint, 0, [_ _ _], "covers another instruction: the loop looks whether something watches it";
        }
    };
}

macro_rules! declare {
    ($($name:ident, $extra:literal, [$a:tt $b:tt $c:tt], $doc:literal;)*) => {
        /// An opcode; its number is its row in the table.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u8)]
        pub enum Opcode { $(#[doc = concat!("`", $doc, "`")] $name,)* }

        /// Every opcode, by number.
        pub const OPCODES: &[Opcode] = &[$(Opcode::$name,)*];
        // Apart from the texts, so that it is a constant wherever an opcode is one.
        const EXTRA: [u8; OPCODES.len()] = [$($extra,)*];
        // One for the program: a table of addresses is written to at every start of a process, page by page.
        static INFO: [Info; OPCODES.len()] = [$(Info { name: stringify!($name), extra: $extra, operands: [stringify!($a), stringify!($b), stringify!($c)], doc: $doc },)*];
    };
}
for_each_opcode!(declare);

/// What the table says of one opcode.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// The opcode's name.
    pub name: &'static str,
    /// Words that follow the instruction.
    pub extra: usize,
    /// Operand letters for `a`, `b`, `c`.
    pub operands: [&'static str; 3],
    /// One line of meaning.
    pub doc: &'static str,
}

impl Opcode {
    /// The row of this opcode.
    #[inline]
    pub const fn info(self) -> &'static Info {
        &INFO[self as usize]
    }

    /// Words after the instruction.
    #[inline]
    pub const fn extra(self) -> usize {
        EXTRA[self as usize] as usize
    }

    /// The opcode of a number.
    pub fn from_u8(n: u8) -> Option<Self> {
        OPCODES.get(n as usize).copied()
    }

    /// The opcode of the attribute family that this one is a specialized form of, or is.
    pub const fn family(self) -> Option<Self> {
        use Opcode::*;
        match self {
            LoadAttr | LoadAttrSlot | LoadAttrType | LoadAttrMember | LoadAttrEntry | LoadAttrProperty
            | LoadAttrModule | LoadAttrClass => Some(LoadAttr),
            LoadMethod | LoadMethodType | LoadMethodMasked | LoadMethodSlot | LoadMethodOther | LoadMethodModule
            | LoadMethodClass => Some(LoadMethod),
            StoreAttr | StoreAttrSlot | StoreAttrAdd | StoreAttrMember => Some(StoreAttr),
            _ => None,
        }
    }

    /// Whether only the interpreter may write this opcode.
    pub const fn is_specialized(self) -> bool {
        self as u8 >= Self::BinaryAddInt as u8
    }
}

macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u8)]
        pub enum $name { $(#[doc = concat!("`", $text, "`")] $variant,)* }
        impl $name {
            /// Every variant, by number.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            /// The variant's text form.
            pub const fn text(self) -> &'static str { match self { $(Self::$variant => $text,)* } }
            /// The variant of a number.
            #[inline(always)]
            pub const fn from_u8(n: u8) -> Self { Self::ALL[n as usize] }
        }
    };
}
kinds! {
    /// Binary operators, then their in-place forms in the same order.
    BinaryKind {
        Add = "+", Sub = "-", Mul = "*", MatMul = "@", TrueDiv = "/", FloorDiv = "//", Mod = "%", Pow = "**",
        Shl = "<<", Shr = ">>", And = "&", Xor = "^", Or = "|",
        IAdd = "+=", ISub = "-=", IMul = "*=", IMatMul = "@=", ITrueDiv = "/=", IFloorDiv = "//=", IMod = "%=", IPow = "**=",
        IShl = "<<=", IShr = ">>=", IAnd = "&=", IXor = "^=", IOr = "|=",
    }
}
kinds! {
    /// Unary operators.
    UnaryKind { Neg = "-", Pos = "+", Invert = "~", Not = "not", }
}
kinds! {
    /// Rich comparisons, in CPython's order.
    CompareKind { Lt = "<", Le = "<=", Eq = "==", Ne = "!=", Gt = ">", Ge = ">=", }
}
kinds! {
    /// Where a Resume stands.
    ResumeKind { Start = "start", AfterYield = "after yield", AfterYieldFrom = "after yield from", AfterAwait = "after await", }
}
kinds! {
    /// Common constants.
    CommonKind {
        AssertionError = "AssertionError", NotImplementedError = "NotImplementedError", Tuple = "tuple", All = "all", Any = "any",
        List = "list", Set = "set",
    }
}
kinds! {
    /// Special methods looked up on the type.
    SpecialKind { Enter = "__enter__", Exit = "__exit__", AEnter = "__aenter__", AExit = "__aexit__", }
}
kinds! {
    /// Conversions in a replacement field.
    ConversionKind { None = "", Str = "!s", Repr = "!r", Ascii = "!a", }
}
kinds! {
    /// Parts of a function set after it is made.
    FunctionPart {
        Defaults = "defaults", KwDefaults = "kwdefaults", Annotations = "annotations", Annotate = "annotate", Closure = "closure",
    }
}
kinds! {
    /// One-operand intrinsics.
    Intrinsic1Kind {
        Print = "print", StopIterationError = "stopiteration_error", AsyncGenWrap = "async_gen_wrap", TypeVar = "typevar",
        ParamSpec = "paramspec", TypeVarTuple = "typevartuple", SubscriptGeneric = "subscript_generic", TypeAlias = "typealias",
    }
}
kinds! {
    /// Two-operand intrinsics.
    Intrinsic2Kind {
        PrepReraiseStar = "prep_reraise_star", TypeVarWithBound = "typevar_with_bound",
        TypeVarWithConstraints = "typevar_with_constraints", SetFunctionTypeParams = "set_function_type_params",
        SetTypeParamDefault = "set_typeparam_default",
    }
}

impl BinaryKind {
    /// The plain operator of an in-place one.
    pub const fn plain(self) -> Self {
        let n = self as u8;
        Self::from_u8(if n >= Self::IAdd as u8 { n - Self::IAdd as u8 } else { n })
    }

    /// Whether this is an in-place operator.
    pub const fn is_inplace(self) -> bool {
        self as u8 >= Self::IAdd as u8
    }
}

const _: () = assert!(OPCODES.len() <= 256);
const _: () = assert!(BinaryKind::ALL.len() <= 32);
