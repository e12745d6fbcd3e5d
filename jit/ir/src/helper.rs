//! The table of runtime helpers: what machine code may call.
//!
//! A row says the name, the parameters and the result, and the effects. `typhon-jit` has a function for every row.

use crate::Alias;
use crate::alias::Aliases;
use crate::arg::Ty;
use crate::effects::{Acts, Effects};

/// Hands the rows to the macro `$mac`.
#[macro_export]
macro_rules! for_each_helper {
    ($mac:ident) => {
        $mac! {
            Alloc "alloc" (Ptr, Int, Int) -> Val [FRESH],
                "a new object of the thread, of a shape and of so many bytes; absent when there is no memory left";
            Float "float" (Ptr, Flt) -> Val [FRESH], "a float object of the thread, for floats that fit no word; absent without memory";
            Retain "retain" (Val) -> Unit [STAYS], "one reference more to an object";
            RetainAll "retain_all" (Ptr, Int) -> Unit [STAYS], "the same for so many words in memory";
            Release "release" (Val) -> Unit [ESCAPES], "one reference less to an object, which may die";
            End "end" (Val) -> Unit [ESCAPES], "the same where it has been asked what that would run: nothing";
            Quiet "quiet" (Val) -> Bool [LOOKS], "whether one reference less to an object would run no Python code";
            Step "step" (Ptr, Int, Ptr, Int) -> Bool [ESCAPES],
                "carries out the instruction at an offset of the running frame; whether a frame of this code goes on at the other offset";
            Push "push" (Ptr, Val, Ptr, Int, Val) -> Unit [TURNS],
                "makes the record of the frame of a function, with registers behind the given ones and what it owns for its caller, or of a generator";
            Pop "pop" (Ptr) -> Unit [FRAMES], "leaves the frame on top";
            Suspend "suspend" (Ptr, Int) -> Unit [TURNS], "leaves the frame on top, a generator's, which goes on at an offset";
            MayEnd "may_end" (Val) -> Bool [LOOKS], "whether nobody notices when a generator that stands ends and is given up";
            EndTurn "end_turn" (Val) -> Unit [ENDS], "ends a generator that stands: gives up what its registers hold";
            Generator "generator" (Ptr, Val, Ptr, Int) -> Val [MAKES],
                "the generator that a function's call makes, with what is in registers behind the given ones; absent without memory";
            MayReturn "may_return" (Ptr) -> Bool [LOOKS], "whether nobody notices when the frame on top is left for its caller";
            Return "return" (Ptr, Val) -> Unit [ESCAPES], "leaves the frame on top for its caller, which gets the value";
            Poll "poll" (Ptr) -> Bool [ESCAPES], "does what the thread is asked for; false when the trace must be left";
            Instance "instance" (Ptr, Val) -> Val [FRESH], "a new instance of a Python class; absent without memory";
            Native "native" (Ptr, Int, Ptr, Val, Val, Val) -> Val [TAME],
                "what a tame native gives for arguments; absent if it raises, and then nothing has happened";
            Make "make" (Ptr, Val, Int, Val, Val, Val) -> Val [TAME], "the same for a built-in type that is called";
            Build "build" (Ptr, Int, Val, Val, Val, Val) -> Val [BUILDS],
                "a tuple or list of so many values, whose references it takes over; absent without memory";
            ListPush "list_push" (Ptr, Val, Val) -> Bool [APPENDS],
                "appends to a list, which takes the reference over; false without memory";
            ListPushOwn "list_push_own" (Ptr, Val, Val) -> Bool [APPENDS], "the same for a list that nobody else has";
            Len "len" (Ptr, Val) -> Int [LOOKS], "the length of an object of a built-in type; negative if it has none";
            Truth "truth" (Ptr, Val) -> Int [LOOKS], "the truth of an object of a built-in type; negative if that is not to be had here";
            Member "member" (Ptr, Val, Val) -> Int [LOOKS],
                "whether a container has a value, 1 or 0; negative if code must run for the answer";
            Equal "equal" (Ptr, Val, Val) -> Int [LOOKS], "whether two values are equal, 1 or 0; negative if code must run for the answer";
            Order "order" (Ptr, Int, Val, Val) -> Int [LOOKS],
                "whether a comparison of two ints, or of two texts, holds, 1 or 0; negative if that is not to be had here";
            Binary "binary" (Ptr, Int, Val, Val) -> Val [FRESH],
                "what an operator gives for two ints, or for two short texts that it joins; absent if that is not to be had here";
            DictGet "dict_get" (Ptr, Val, Val, Val) -> Val [LOOKS],
                "what a dict has under a key, or else the last operand; absent if code must run for the answer";
            DictPut "dict_put" (Ptr, Val, Val, Val) -> Bool [PUTS],
                "puts a value into a dict; false if code must run for that, or without memory, and then nothing has happened";
            SetAdd "set_add" (Ptr, Val, Val) -> Bool [PUTS], "the same for a set";
            StrItem "str_item" (Ptr, Val, Int) -> Val [FRESH], "a character of a str; absent outside";
            Part "part" (Ptr, Val, Val, Val) -> Val [FRESH], "a slice of a list, tuple or str; absent if that is not to be had here";
            Item "item" (Ptr, Val, Val) -> Val [FRESH], "an item or a slice of a built-in sequence; absent if that is not to be had here";
            Stride "stride" (Ptr, Val, Val, Val, Val) -> Val [FRESH],
                "the items of a list from one number to another by a third, each of which may be None; absent if that is not to be had here";
            PutItem "put_item" (Ptr, Val, Val, Val) -> Bool [TAME],
                "stores a number into a built-in sequence of numbers; false if that raises, and then nothing has happened";
            SetPart "set_part" (Ptr, Val, Val, Val, Val) -> Bool [APPENDS],
                "replaces a slice of a list by as many items, if no objects go; false if that is not to be had here";
            Iter "iter" (Ptr, Val) -> Val [FRESH], "an iterator over an object of a built-in type; absent if there is none";
            Next "next" (Ptr, Val) -> Val [TAME], "the next item of a tame iterator; absent at its end";
            AttrPut "attr_put" (Val, Int, Int, Val) -> Bool [SHARES],
                "stores an attribute at an offset beside other threads; false if the object has not the shape, and then nothing has happened";
            ListPut "list_put" (Val, Int, Val) -> Bool [SHARES], "stores an item beside other threads; false outside, and then nothing has happened";
            CellPut "cell_put" (Ptr, Val, Val) -> Unit [SHARES], "fills a cell beside other threads";
            FloatMod "float_mod" (Flt, Flt) -> Flt [PURE], "the float modulo of Python; the divisor is not zero";
            FloatFloorDiv "float_floordiv" (Flt, Flt) -> Flt [PURE], "the float floor division of Python; the divisor is not zero";
            FloatPow "float_pow" (Flt, Flt) -> Flt [PURE], "the power of floats, where it is a finite float";
        }
    };
}

macro_rules! declare {
    ($($name:ident $text:literal ($($param:ident),*) -> $ty:ident [$effect:ident], $doc:literal;)*) => {
        /// A runtime helper.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum Helper { $(#[doc = $doc] $name,)* }

        impl Helper {
            /// Every helper.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in text.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Its parameters' types.
            pub const fn params(self) -> &'static [Ty] {
                match self { $(Self::$name => &[$(Ty::$param),*],)* }
            }

            /// Its result's type.
            pub const fn ty(self) -> Ty {
                match self { $(Self::$name => Ty::$ty,)* }
            }

            /// Its effects.
            pub const fn effects(self) -> Effects {
                match self { $(Self::$name => $effect,)* }
            }
        }
    };
}

const PURE: Effects = Effects::NONE;
const FRESH: Effects = Effects::acts(Acts::FRESH);
const STAYS: Effects = Effects::write(Alias::Count);
const FRAMES: Effects = Effects::write(Alias::Frame);
/// A generator's state, and where it goes on, are its own.
const TURNS: Effects = FRAMES.and(Effects::write(Alias::Code)).and(Effects::write(Alias::Iter));
const ENDS: Effects = TURNS.and(Effects {
    reads: Aliases::ALL,
    writes: Aliases::of(Alias::Count),
    acts: Acts::STAYS.union(Acts::RELEASES),
});
const MAKES: Effects = FRAMES.and(Effects { reads: Aliases::of(Alias::Frame), ..FRESH });
const LOOKS: Effects = Effects { reads: Aliases::ALL, ..Effects::NONE };
const TAME: Effects = Effects {
    reads: Aliases::ALL,
    writes: CONTAINERS.union(Aliases::of(Alias::Count)),
    acts: Acts::STAYS.union(Acts::FRESH),
};
const APPENDS: Effects = Effects {
    reads: Aliases::of(Alias::List).union(Aliases::of(Alias::Item)),
    writes: Aliases::of(Alias::List).union(Aliases::of(Alias::Item)),
    acts: Acts::STAYS.union(Acts::FRESH),
};
const BUILDS: Effects = Effects { reads: Aliases::ALL, writes: Aliases::empty(), acts: Acts::STAYS.union(Acts::FRESH) };
const PUTS: Effects = Effects {
    reads: Aliases::ALL,
    writes: Aliases::of(Alias::Dict).union(Aliases::of(Alias::Count)),
    acts: Acts::STAYS.union(Acts::FRESH).union(Acts::RELEASES),
};
const SHARES: Effects = Effects {
    reads: Aliases::ALL,
    writes: CONTAINERS.union(Aliases::of(Alias::Slot)).union(Aliases::of(Alias::Cell)).union(Aliases::of(Alias::Count)),
    acts: Acts::STAYS.union(Acts::FRESH).union(Acts::RELEASES),
};
/// What natives may change that run no Python code.
const CONTAINERS: Aliases = Aliases::of(Alias::List)
    .union(Aliases::of(Alias::Number))
    .union(Aliases::of(Alias::Item))
    .union(Aliases::of(Alias::Dict))
    .union(Aliases::of(Alias::Iter));
const ESCAPES: Effects = Effects::ANY;
for_each_helper!(declare);

impl Helper {
    /// The helper of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|helper| helper.name() == name)
    }
}
