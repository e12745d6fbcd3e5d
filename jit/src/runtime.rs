//! The addresses of the helpers that machine code calls.

use typhon_jit_ir::{Helper, for_each_helper};

macro_rules! declare {
    ($($name:ident $text:literal ($($param:ident),*) -> $ty:ident [$effect:ident], $doc:literal;)*) => {
        /// A function for every row of the helpers' table, with the parameters and the result that the row says.
        #[derive(Clone, Copy)]
        pub struct Functions { $(#[doc = $doc] pub $name: extern "C" fn($(abi!($param)),*) -> abi!($ty),)* }

        impl Functions {
            fn address(&self, helper: Helper) -> usize {
                match helper { $(Helper::$name => self.$name as usize,)* }
            }
        }
    };
}

/// How an operand is passed.
macro_rules! abi {
    (Val) => {
        u64
    };
    (Int) => {
        i64
    };
    (Flt) => {
        f64
    };
    (Ptr) => {
        u64
    };
    (Bool) => {
        bool
    };
    (Unit) => {
        ()
    };
}
for_each_helper!(declare);

/// What machine code must know of the VM that it runs in.
#[derive(Clone, Copy)]
pub struct Runtime {
    /// Whom it calls.
    pub functions: Functions,
    /// The shape id of float objects.
    pub float_shape: u32,
    /// Where the thread, which is a trace's first input, has its owner's tag; `None`: references are counted by helpers only.
    pub tag: Option<i32>,
    /// Which input of a trace is the address of the registers of its frame, if one is.
    pub registers: Option<usize>,
    /// The words of 0.0 and -0.0, if the VM has objects of its own for them.
    pub zeros: Option<fn() -> [u64; 2]>,
    /// Where frames have their records, if they have any.
    pub frames: Option<Frames>,
}

/// What machine code must know of frames' records to go on in a caller's: they lie one behind the other.
#[derive(Clone, Copy, Debug)]
pub struct Frames {
    /// Which input of a trace is the address of the record of its frame.
    pub record: usize,
    /// How large a record is.
    pub size: i32,
    /// Where it has the address of the frame's registers.
    pub registers: i32,
}

impl Runtime {
    /// Where a helper is.
    pub fn address(&self, helper: Helper) -> usize {
        self.functions.address(helper)
    }
}
