//! Lists that contradict themselves.

use super::List;

impl List {
    /// What is wrong with the list, which nobody changes meanwhile.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn sound(&self) -> Result<(), String> {
        let (len, cap) = (self.len(), self.capacity());
        if len > cap {
            return Err(format!("{len} items in an array of {cap}"));
        }
        if len > 0 && self.data().is_null() {
            return Err(format!("{len} items in no array"));
        }
        // SAFETY: nobody changes the list meanwhile.
        match unsafe { self.items() }.iter().position(|item| item.is_absent()) {
            Some(i) => Err(format!("item {i} of {len} is absent")),
            None => Ok(()),
        }
    }
}
