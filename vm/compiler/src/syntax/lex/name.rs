//! Names, and the prefixes that make them strings.

use super::kind::{ERRORTOKEN, NAME};
use super::{MoreLines, Scanner, is_name_char};

impl Scanner {
    /// A name, or a string whose prefix began as one.
    pub(super) fn name_or_string(
        &mut self,
        start: usize,
        first: i32,
        more: MoreLines<'_>,
    ) -> (u8, Option<(usize, usize)>) {
        let mut c = first;
        let mut seen = [false; 5];
        loop {
            let letter = u8::try_from(c).map(|c| c.to_ascii_lowercase()).ok();
            match b"burft".iter().position(|p| Some(*p) == letter) {
                Some(at) if !seen[at] => seen[at] = true,
                _ => break,
            }
            c = self.next_char(more);
            if c == i32::from(b'"') || c == i32::from(b'\'') {
                if let Some(kind) = self.check_prefixes(start, seen) {
                    return (kind, None);
                }
                let quote = c as u8;
                let quoted = seen[3] || seen[4];
                return if quoted { self.quoted_start(start, quote, more) } else { self.string(start, quote, more) };
            }
        }
        let mut non_ascii = false;
        while is_name_char(c) {
            non_ascii |= c >= 128;
            c = self.next_char(more);
        }
        self.back(c);
        if non_ascii && !self.options.extra_tokens && !self.check_name(start) {
            return (ERRORTOKEN, None);
        }
        self.text(NAME, start)
    }

    /// Refuses string prefixes that do not go together; `seen` is about b, u, r, f and t.
    fn check_prefixes(&mut self, start: usize, seen: [bool; 5]) -> Option<u8> {
        let [b, u, r, f, t] = seen;
        let pairs = [(u, b, "ub"), (u, r, "ur"), (u, f, "uf"), (u, t, "ut"), (b, f, "bf"), (b, t, "bt"), (f, t, "ft")];
        let (one, two) = pairs.iter().find(|(x, y, _)| *x && *y)?.2.split_at(1);
        let range = (start + 1 - self.line_start, self.cur - self.line_start);
        Some(self.fail_range(format!("'{one}' and '{two}' prefixes are incompatible"), Some(range)))
    }

    /// Refuses names with characters that no name may have.
    fn check_name(&mut self, start: usize) -> bool {
        let name = String::from_utf8_lossy(self.bytes(start, self.cur)).into_owned();
        for (i, (at, ch)) in name.char_indices().enumerate() {
            let c = u32::from(ch);
            let good =
                if i == 0 { c == 0x5f || typhon_unicode::is_xid_start(c) } else { typhon_unicode::is_xid_continue(c) };
            if good {
                continue;
            }
            self.cur = start + at + ch.len_utf8();
            if typhon_unicode::is_printable(c) {
                self.fail(format!("invalid character '{ch}' (U+{c:04X})"));
            } else {
                self.fail(format!("invalid non-printable character U+{c:04X}"));
            }
            return false;
        }
        true
    }
}
