//! The table of runtime helpers: what machine code may call.
//!
//! A row says the name, the parameters and the result, and the effects. `typhon-jit` has a function for every row.

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
            Release "release" (Val) -> Unit [ESCAPES], "one reference less to an object, which may die";
            Quiet "quiet" (Val) -> Bool [LOOKS], "whether one reference less to an object would run no Python code";
            Step "step" (Ptr, Int, Ptr, Int) -> Bool [ESCAPES],
                "carries out the instruction at an offset of the running frame; whether a frame of this code goes on at the other offset";
            Push "push" (Ptr, Val, Ptr, Int) -> Bool [FRAMES],
                "enters a function's frame, with registers behind the given ones; false if that cannot be";
            Pop "pop" (Ptr) -> Unit [FRAMES], "leaves the frame on top";
            Poll "poll" (Ptr) -> Bool [ESCAPES], "does what the thread is asked for; false when the trace must be left";
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
const STAYS: Effects = Effects::write(crate::Alias::Count);
const FRAMES: Effects = Effects::write(crate::Alias::Frame);
const LOOKS: Effects = Effects { reads: crate::alias::Aliases::ALL, ..Effects::NONE };
const ESCAPES: Effects = Effects::ANY;
for_each_helper!(declare);

impl Helper {
    /// The helper of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|helper| helper.name() == name)
    }
}
