//! The set: which single characters an operator accepts, whatever operator it came from.

use crate::ucd;
use crate::words::Class;

/// A set of characters: a table below 256, a rule above.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) table: Box<[bool; 256]>,
    /// The same as bits.
    pub(crate) low: [u64; 4],
    high: High,
    rule: Rule,
}

#[derive(Debug, PartialEq, Eq)]
enum High {
    /// Every character from 256 on has this answer.
    Const(bool),
    /// The rule must be asked.
    Ask,
}

/// What the code words said.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) items: Vec<Item>,
    pub(crate) fold: Fold,
}

/// How the character is changed before it is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    None,
    Ascii,
    Unicode,
    /// Lower or upper case may be in the set.
    Locale,
    /// The character, its lower or its upper case is the literal.
    LocaleLiteral,
    /// Neither of them is.
    NotLocaleLiteral,
}

#[derive(Debug)]
pub(crate) enum Item {
    Negate,
    Literal(u32),
    Range(u32, u32),
    RangeUniIgnore(u32, u32),
    Class(Class),
    Bits([u32; 8]),
    Big(Box<Big>),
}

/// Bits of the basic plane in shared blocks of 256.
#[derive(Debug)]
pub(crate) struct Big {
    pub(crate) blocks: [u8; 256],
    pub(crate) bits: Vec<[u32; 8]>,
}

impl Set {
    pub(crate) fn new(rule: Rule) -> Self {
        let table = Box::new(rule.table());
        let mut low = [0; 4];
        for (word, slots) in low.iter_mut().zip(table.chunks(64)) {
            *word = slots.iter().rev().fold(0, |bits, &has| bits << 1 | u64::from(has));
        }
        let high = rule.high();
        Self { table, low, high, rule }
    }

    /// Whether the set accepts a character of 256 or more.
    #[inline]
    pub(crate) fn accepts_high(&self, c: u32) -> bool {
        match self.high {
            High::Const(answer) => answer,
            High::Ask => self.rule.accepts(c),
        }
    }

    /// Whether any character of 256 or more may be in the set.
    pub(crate) fn may_be_high(&self) -> bool {
        self.high != High::Const(false)
    }

    /// Whether the set is exactly `\w` of Unicode.
    pub(crate) fn is_unicode_word(&self) -> bool {
        self.rule.fold == Fold::None && matches!(self.rule.items[..], [Item::Class(Class::UniWord)])
    }

    pub(crate) fn size_bytes(&self) -> usize {
        let bigs = self.rule.items.iter().map(|item| match item {
            Item::Big(big) => size_of::<Big>() + big.bits.len() * 32,
            _ => 0,
        });
        256 + self.rule.items.len() * size_of::<Item>() + bigs.sum::<usize>()
    }
}

impl Rule {
    /// What `accepts` says of each character below 256.
    fn table(&self) -> [bool; 256] {
        let held = self.held();
        match self.fold {
            Fold::None => held,
            Fold::Ascii => std::array::from_fn(|c| held[ucd::ascii_to_lower(c as u32) as usize]),
            _ => std::array::from_fn(|c| self.accepts(c as u32)),
        }
    }

    /// What `holds` says of each character below 256. The first item that has a character decides: so the last one is
    /// written first.
    fn held(&self) -> [bool; 256] {
        let negations = self.items.iter().filter(|item| matches!(item, Item::Negate)).count();
        let mut answer = negations.is_multiple_of(2);
        let mut table = [!answer; 256];
        for item in self.items.iter().rev() {
            match item {
                Item::Negate => answer = !answer,
                Item::Literal(c) => {
                    if let Some(slot) = table.get_mut(*c as usize) {
                        *slot = answer;
                    }
                }
                Item::Range(lo, hi) => {
                    let (from, to) = (*lo as usize, (*hi as usize).saturating_add(1).min(256));
                    if let Some(slots) = table.get_mut(from..to) {
                        slots.fill(answer);
                    }
                }
                other => {
                    for (c, slot) in (0u32..).zip(table.iter_mut()) {
                        *slot = if other.has(c) { answer } else { *slot };
                    }
                }
            }
        }
        table
    }

    fn accepts(&self, c: u32) -> bool {
        match self.fold {
            Fold::None => self.holds(c),
            Fold::Ascii => self.holds(ucd::ascii_to_lower(c)),
            Fold::Unicode => self.holds(ucd::unicode_to_lower(c)),
            Fold::Locale => {
                let (lower, upper) = (ucd::ascii_to_lower(c), ucd::ascii_to_upper(c));
                self.holds(lower) || (lower != upper && self.holds(upper))
            }
            Fold::LocaleLiteral => self.holds_any_case(c),
            Fold::NotLocaleLiteral => !self.holds_any_case(c),
        }
    }

    fn holds_any_case(&self, c: u32) -> bool {
        self.holds(c) || self.holds(ucd::ascii_to_lower(c)) || self.holds(ucd::ascii_to_upper(c))
    }

    /// The items in order: the first that has the character decides.
    fn holds(&self, c: u32) -> bool {
        let mut answer = true;
        for item in &self.items {
            match item {
                Item::Negate => answer = !answer,
                other => {
                    if other.has(c) {
                        return answer;
                    }
                }
            }
        }
        !answer
    }

    fn high(&self) -> High {
        // Upper-case characters above 255 can have lower case below (Kelvin sign), so Unicode folding is always asked.
        if self.fold == Fold::Unicode || self.items.iter().any(Item::may_be_high) {
            High::Ask
        } else {
            High::Const(self.accepts(0x11_0000))
        }
    }
}

impl Item {
    fn has(&self, c: u32) -> bool {
        match self {
            Self::Negate => false,
            Self::Literal(l) => c == *l,
            Self::Range(lo, hi) => (*lo..=*hi).contains(&c),
            Self::RangeUniIgnore(lo, hi) => (*lo..=*hi).contains(&c) || (*lo..=*hi).contains(&ucd::unicode_to_upper(c)),
            Self::Class(class) => ucd::in_class(*class, c),
            Self::Bits(bits) => c < 256 && has_bit(bits, c),
            Self::Big(big) => {
                let block = big.blocks.get((c >> 8) as usize).and_then(|&b| big.bits.get(usize::from(b)));
                block.is_some_and(|bits| has_bit(bits, c & 255))
            }
        }
    }

    fn may_be_high(&self) -> bool {
        match self {
            Self::Negate | Self::Bits(_) => false,
            Self::Literal(c) => *c > 255,
            Self::Range(_, hi) => *hi > 255,
            Self::RangeUniIgnore(..) | Self::Big(_) => true,
            Self::Class(class) => {
                !matches!(class, Class::Digit | Class::Space | Class::Word | Class::LocWord | Class::LineBreak)
            }
        }
    }
}

fn has_bit(bits: &[u32; 8], c: u32) -> bool {
    bits[(c >> 5) as usize & 7] >> (c & 31) & 1 != 0
}
