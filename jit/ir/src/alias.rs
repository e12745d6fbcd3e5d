//! The table of memory classes: what can never be the same place has different classes.

use bitflags::bitflags;

macro_rules! classes {
    ($($name:ident $text:literal [$($property:ident)*] $doc:literal;)*) => {
        /// A class of memory. Places of different classes never overlap.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Alias { $(#[doc = $doc] $name,)* }

        impl Alias {
            /// Every class.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in text.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What holds for it.
            pub const fn properties(self) -> Properties {
                match self { $(Self::$name => Properties::empty()$(.union(Properties::$property))*,)* }
            }
        }
    };
}

classes! {
    Frame "frame" [] "registers and records of frames";
    Pool "pool" [CONSTANT] "constants of the trace's instance";
    Shape "shape" [] "an object's shape id";
    Code "code" [] "what only Python code and natives that run some change: functions' code and defaults, types' versions";
    Count "count" [] "reference counts";
    Slot "slot" [] "attributes in instances";
    List "list" [] "a list's length, strategy and storage address, and an array's";
    Item "item" [] "a list's items";
    Number "number" [] "an array's items";
    Tuple "tuple" [CONSTANT] "a tuple's length and items";
    Cell "cell" [] "contents of cells";
    Dict "dict" [] "tables of dicts, and what is in them";
    Iter "iter" [] "the state of iterators";
    Boxed "boxed" [CONSTANT] "the payload of floats and long ints, and of what kind an array's items are";
    Thread "thread" [VOLATILE] "words that other threads change: what asks for a poll";
    Shared "shared" [VOLATILE] "any of the above that other threads may be changing: nothing is known of it, and loads keep their order";
}

bitflags! {
    /// What holds for a class.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Properties: u8 {
        /// Written once, before anybody else sees it.
        const CONSTANT = 1;
        /// Changes at any time: every load is carried out.
        const VOLATILE = 2;
    }

    /// A set of classes.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
    pub struct Aliases: u16 {
        /// Every class there may ever be.
        const ALL = u16::MAX;
    }
}

impl Aliases {
    /// The set of one.
    pub const fn of(class: Alias) -> Self {
        Self::from_bits_retain(1 << class as u16)
    }

    /// Whether the class is in it.
    pub const fn has(self, class: Alias) -> bool {
        self.intersects(Self::of(class))
    }
}

impl Alias {
    /// The class of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| class.name() == name)
    }

    /// Written once?
    pub const fn is_constant(self) -> bool {
        self.properties().contains(Properties::CONSTANT)
    }

    /// Changed by others?
    pub const fn is_volatile(self) -> bool {
        self.properties().contains(Properties::VOLATILE)
    }
}
