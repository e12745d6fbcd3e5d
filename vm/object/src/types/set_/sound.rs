//! Sets that contradict themselves.

use super::table::Set;

impl Set {
    /// What is wrong with the set, which nobody changes meanwhile.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn sound(&self) -> Result<(), String> {
        let (used, fill, places) = (self.len(), self.fill(), self.places());
        if used > fill || fill > 0 && fill >= places {
            return Err(format!("{used} elements and {fill} filled places of {places}"));
        }
        let mut live = 0;
        for i in 0..places {
            let Some((key, hash)) = self.table().and_then(|table| table.item(i)) else { continue };
            live += 1;
            if self.table().is_none_or(|table| table.same(key, hash) != Ok(i)) {
                return Err(format!("the element at place {i}, {key:#x}, cannot be found"));
            }
        }
        if live != used { Err(format!("{used} elements, of which {live} are there")) } else { Ok(()) }
    }
}
