//! Dicts that contradict themselves.

use super::{Dict, Table};

impl Dict {
    /// What is wrong with the dict, which nobody changes meanwhile.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn sound(&self) -> Result<(), String> {
        let used = self.len();
        let Some(table) = self.table() else {
            return if used == 0 { Ok(()) } else { Err(format!("{used} items in no table")) };
        };
        let live = count(table)?;
        if live != used { Err(format!("{used} items, of which {live} are there")) } else { Ok(()) }
    }
}

/// How many items a table has, if each can be found.
fn count(table: Table) -> Result<usize, String> {
    let (filled, front) = (table.filled(), table.front());
    if !table.has_room_for(0) {
        return Err(format!("{filled} entries are too many for {} bytes", table.bytes()));
    }
    let mut live = 0;
    for i in 0..filled {
        let Some((key, _, _)) = table.item(i) else { continue };
        live += 1;
        if i < front {
            return Err(format!("entry {i} is there, but not to who looks from entry {front} on"));
        }
        if table.holds(i) != Some(true) {
            return Err(format!("the key at entry {i}, {key:#x}, cannot be found"));
        }
    }
    Ok(live)
}
