//! What an isolate's tier has done, counted: the table.

use typhon_qsbr::Tally;

macro_rules! counts {
    ($($name:ident $text:literal $doc:literal;)*) => {
        /// What is counted.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Count { $(#[doc = $doc] $name,)* }

        impl Count {
            /// Every row.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in `sys._typhon_stats()`.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

counts! {
    Looked "jit_looked" "A loop's count ended.";
    Recorded "jit_recorded" "A trace was recorded.";
    Compiled "jit_compiled" "A trace was compiled by the thread that runs.";
    Offered "jit_offered" "A trace was given to the workers.";
    Arrived "jit_arrived" "The workers were done with a trace.";
    Found "jit_found" "The process had what was needed.";
    Entered "jit_entered" "Machine code was entered from the interpreter.";
    Bridged "jit_bridged" "An exit got a trace to go on with.";
    Linked "jit_linked" "Machine code was entered from other machine code's exit.";
    Rebuilt "jit_rebuilt" "An exit could not write all registers by itself.";
    Grown "jit_grown" "A trace took its own place with what its links led to as a part of it.";
    Retired "jit_retired" "A trace went because what it asked will not be so again.";
    Broke "jit_broke" "Nothing was recorded: traces had not saved yet what compiling has cost.";
    Poor "jit_poor" "A loop was let be because its entries were not worth it.";
}

/// How often each happened on one thread.
#[derive(Debug)]
pub struct Counts([Tally; Count::ALL.len()]);

impl Counts {
    /// Once more.
    pub fn add(&self, what: Count) {
        self.add_some(what, 1);
    }

    /// So often more.
    pub fn add_some(&self, what: Count, times: u64) {
        self.0[what as usize].add(times);
    }

    /// How often.
    pub fn of(&self, what: Count) -> u64 {
        self.0[what as usize].get()
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Tally::new()))
    }
}
