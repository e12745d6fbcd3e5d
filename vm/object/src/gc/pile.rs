//! The pile: a stack of objects that does not move what lies on it, so that as many as a guest likes take no more memory
//! than they need.

use crate::header::Header;

/// So many objects lie in a piece of the pile.
const PIECE: usize = 1 << 13;

/// A stack of objects.
#[derive(Default)]
pub struct Pile {
    /// None is empty.
    pieces: Vec<Vec<*const Header>>,
}

impl Pile {
    #[inline]
    pub fn push(&mut self, at: *const Header) {
        match self.pieces.last_mut() {
            Some(piece) if piece.len() < PIECE => piece.push(at),
            _ => self.begin(at),
        }
    }

    #[cold]
    #[inline(never)]
    fn begin(&mut self, at: *const Header) {
        // Small collections are frequent: their one piece grows as it must.
        let mut piece = Vec::with_capacity(if self.pieces.is_empty() { 64 } else { PIECE });
        piece.push(at);
        self.pieces.push(piece);
    }

    #[inline]
    pub fn pop(&mut self) -> Option<*const Header> {
        let piece = self.pieces.last_mut()?;
        let top = piece.pop();
        if piece.is_empty() {
            self.pieces.pop();
        }
        top
    }

    pub fn len(&self) -> usize {
        self.pieces.iter().map(Vec::len).sum()
    }

    /// From the bottom up.
    pub fn iter(&self) -> impl Iterator<Item = *const Header> {
        self.pieces.iter().flatten().copied()
    }

    /// Those for which `f` says so, in their order.
    pub fn filter(self, mut f: impl FnMut(*const Header) -> bool) -> Vec<*const Header> {
        let mut out = Vec::new();
        for mut piece in self.pieces {
            piece.retain(|&at| f(at));
            out.extend(piece);
        }
        out
    }
}

impl From<Vec<*const Header>> for Pile {
    fn from(objects: Vec<*const Header>) -> Self {
        let pieces = if objects.is_empty() { Vec::new() } else { vec![objects] };
        Self { pieces }
    }
}

#[cfg(test)]
mod tests {
    use super::{PIECE, Pile};
    use std::ptr::without_provenance;

    #[test]
    fn what_lies_on_top_comes_first() {
        let count = 3 * PIECE + 5;
        let mut pile = Pile::default();
        (0..count).for_each(|i| pile.push(without_provenance(i)));
        assert_eq!(pile.len(), count);
        assert!(pile.iter().map(<*const _>::addr).eq(0..count));
        for i in (PIECE..count).rev() {
            assert_eq!(pile.pop().map(<*const _>::addr), Some(i));
        }
        let odd = pile.filter(|at| at.addr() % 2 == 1);
        assert!(odd.into_iter().map(<*const _>::addr).eq((1..PIECE).step_by(2)));
        assert_eq!(Pile::from(Vec::new()).pop(), None);
    }
}
