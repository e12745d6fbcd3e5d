//! The table of reasons for which a recording is given up.

use typhon_isa::Opcode;
use typhon_qsbr::Tally;

macro_rules! reasons {
    ($($name:ident $text:literal $retry:literal $doc:literal;)*) => {
        /// Why a recording was given up.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Reason { $(#[doc = $doc] $name,)* }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name, for counters.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it means.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$name => $doc,)* }
            }

            /// Its name in `sys._typhon_stats()`.
            pub const fn counter(self) -> &'static str {
                match self { $(Self::$name => concat!("jit_abort_", $text),)* }
            }

            /// Whether the same loop may be worth another try.
            pub const fn is_passing(self) -> bool {
                match self { $(Self::$name => $retry,)* }
            }
        }
    };
}

reasons! {
    Opcode "opcode" true "An instruction that the recorder does not know, or that is not specialized yet.";
    Type "type" true "A register holds what the instruction is not specialized for.";
    Object "object" true "The loop writes to a register that holds an object.";
    Unstable "unstable" true "A register has another kind of value at the iteration's end than at its beginning.";
    Raised "raised" true "An instruction has raised.";
    Frame "frame" true "Somebody watches, or has the frame's object.";
    Surprise "surprise" true "The instruction did not do what was recorded.";
    Deep "deep" true "A frame was entered or left that the recorder does not follow.";
    Leaves "leaves" true "The iteration that was recorded leaves the loop.";
    Raises "raises" true "An instruction raises, or its result fits no word.";
    Parallel "parallel" true "Another thread has begun, or the last other one has ended, or one asks for a report.";
    Outer "outer" true "The way goes round an outer loop, which is to be recorded first.";
    Nested "nested" false "There is a loop in the loop, which has a trace of its own.";
    Callee "callee" true "A function was taken along that is too long, or whose loop goes round too often: it is not any more.";
    Worthless "worthless" true "What it does saves nothing: the interpreter carries most of it out.";
    Long "long" false "The iteration is too long.";
    Wide "wide" false "The frame has more registers than a trace carries.";
    Variants "variants" false "There are traces enough for this loop.";
    Compiler "compiler" false "The trace could not be compiled.";
}

impl Reason {
    /// Whether only this instruction has no translation: then the trace has the interpreter carry it out.
    pub const fn is_local(self) -> bool {
        matches!(self, Self::Opcode | Self::Type | Self::Object | Self::Raises)
    }
}

/// A recording that was given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Abort {
    /// Why.
    pub reason: Reason,
    /// At which instruction.
    pub offset: u32,
    /// What that was.
    pub opcode: Option<Opcode>,
}

/// How often each reason was the one.
#[derive(Debug)]
pub struct Counts(Vec<Tally>);

impl Counts {
    /// One more.
    pub fn count(&self, reason: Reason) {
        self.0[reason as usize].add(1);
    }

    /// How often.
    pub fn of(&self, reason: Reason) -> u64 {
        self.0[reason as usize].get()
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self(Reason::ALL.iter().map(|_| Tally::new()).collect())
    }
}
