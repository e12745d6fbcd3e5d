//! Dicts that several threads use: what differs from a dict that one has to itself.

use super::{Dict, Found};
use crate::error::Res;
use crate::store;
use crate::thread::Thread;
use crate::value::Value;

impl Dict {
    /// Sets `key`, about which `found` was true.
    #[cold]
    #[inline(never)]
    pub(super) fn set_shared(&self, t: &Thread, key: &Value, hash: i64, value: Value, found: Found) -> Res<()> {
        let mut found = found;
        loop {
            let held = store::hold(&self.header);
            if self.root.changes() == found.changes {
                let Some(i) = found.entry else { return self.insert(t, key.clone(), hash, value, found.place) };
                let old = self.replace_value(i, value);
                drop(held);
                store::release_later(old);
                return Ok(());
            }
            drop(held);
            t.check_stop()?;
            found = self.find(t, key, hash)?;
        }
    }

    /// All items as they are at one moment.
    pub(super) fn snapshot(&self) -> Vec<(Value, i64, Value)> {
        let mut out = Vec::new();
        let _held = store::hold(&self.header);
        let mut at = 0;
        while let Some(item) = self.next_hashed(&mut at) {
            out.push(item);
        }
        out
    }
}
