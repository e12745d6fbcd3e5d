//! What was compiled lately, so that the same source is not parsed again: by tenant, and by all that compiling depends on.
//!
//! Tenants do not share: how long compiling takes would tell one what another runs.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use ring::digest::{SHA256, digest};
use typhon_vm::{CompileMode, CompileOptions, Compiled, Library, ModuleResult};

use crate::watchdog::{CompileWatch, Watch};

/// The whole server's compiled programs.
#[derive(Debug)]
pub struct Shelves {
    state: Mutex<State>,
    bytes_max: usize,
    pub hits: Counter,
    pub misses: Counter,
}

/// Two generations: what is used moves to the younger one, and when that holds half of what there may be, the older one
/// goes and the younger one takes its place.
#[derive(Debug, Default)]
struct State {
    young: HashMap<Key, Arc<Compiled>>,
    old: HashMap<Key, Arc<Compiled>>,
    young_bytes: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    tenant: Arc<str>,
    source: [u8; 32],
    length: usize,
    options: Options,
}

/// All of the options that decide what the code is.
type Options = (CompileMode, Arc<str>, (u8, u32, bool), (Option<u8>, u32), ModuleResult);

/// One tenant's part.
#[derive(Debug)]
pub struct Shelf {
    shelves: Arc<Shelves>,
    tenant: Arc<str>,
}

/// A library, if there is one, for a program whose compiling is watched.
pub struct Hurried {
    library: Option<Arc<dyn Library>>,
    compiling: CompileWatch,
    watch: Mutex<Option<Watch>>,
}

impl Hurried {
    pub fn new(library: Option<Arc<dyn Library>>, compiling: CompileWatch) -> Hurried {
        Hurried { library, compiling, watch: Mutex::default() }
    }
}

impl std::fmt::Debug for Hurried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hurried").field(&self.library).finish()
    }
}

impl Library for Hurried {
    fn find(&self, source: &str, options: &CompileOptions) -> Option<Arc<Compiled>> {
        let found = self.library.as_ref().and_then(|library| library.find(source, options));
        // What does not compile ends the program, and the watch with it.
        *self.watch.lock() = found.is_none().then(|| self.compiling.begin());
        found
    }

    fn keep(&self, source: &str, options: &CompileOptions, unit: &Arc<Compiled>) {
        self.watch.lock().take();
        if let Some(library) = &self.library {
            library.keep(source, options, unit);
        }
    }
}

/// About what compiled code takes for a byte of source, and for being there at all.
const PER_BYTE: usize = 16;
const PER_UNIT: usize = 4096;

impl Shelves {
    pub fn new(bytes_max: usize) -> Arc<Shelves> {
        Arc::new(Shelves { state: Mutex::default(), bytes_max, hits: Counter::default(), misses: Counter::default() })
    }

    pub fn of(self: &Arc<Self>, tenant: &Arc<str>) -> Arc<dyn Library> {
        Arc::new(Shelf { shelves: self.clone(), tenant: tenant.clone() })
    }
}

impl Shelf {
    fn key(&self, source: &str, options: &CompileOptions) -> Option<Key> {
        let hash = digest(&SHA256, source.as_bytes());
        let source_hash = hash.as_ref().try_into().ok()?;
        let (flags, versions) = (
            (options.optimize, options.flags, options.source_is_utf8),
            (options.feature_version, options.int_max_digits),
        );
        let options = (options.mode, options.filename.clone(), flags, versions, options.result);
        Some(Key { tenant: self.tenant.clone(), source: source_hash, length: source.len(), options })
    }
}

impl Library for Shelf {
    fn find(&self, source: &str, options: &CompileOptions) -> Option<Arc<Compiled>> {
        let key = self.key(source, options)?;
        let mut state = self.shelves.state.lock();
        let found = match state.young.get(&key) {
            Some(unit) => Some(unit.clone()),
            None => state.old.remove(&key).inspect(|unit| state.add(key, unit.clone(), self.shelves.bytes_max)),
        };
        drop(state);
        if found.is_some() {
            self.shelves.hits.inc()
        } else {
            self.shelves.misses.inc()
        };
        found
    }

    fn keep(&self, source: &str, options: &CompileOptions, unit: &Arc<Compiled>) {
        if let Some(key) = self.key(source, options) {
            self.shelves.state.lock().add(key, unit.clone(), self.shelves.bytes_max);
        }
    }
}

impl State {
    fn add(&mut self, key: Key, unit: Arc<Compiled>, bytes_max: usize) {
        let weight = key.length.saturating_mul(PER_BYTE).saturating_add(PER_UNIT);
        if weight > bytes_max / 2 {
            return;
        }
        if self.young_bytes + weight > bytes_max / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        if self.young.insert(key, unit).is_none() {
            self.young_bytes += weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(text: &str) -> (Arc<Compiled>, CompileOptions) {
        let options = CompileOptions::new(CompileMode::Exec, "<string>");
        (Arc::new(typhon_vm::compile(text, &options).expect("good source")), options)
    }

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        // Room for four in each generation.
        let shelves = Shelves::new(2 * 4 * (PER_UNIT + 2 * PER_BYTE));
        let shelf = shelves.of(&"a".into());
        let sources: Vec<String> = (10..30).map(|number| number.to_string()).collect();
        let (unit, options) = compiled("10");
        shelf.keep("10", &options, &unit);
        for source in &sources[1..] {
            assert!(shelf.find("10", &options).is_some_and(|found| Arc::ptr_eq(&found, &unit)));
            shelf.keep(source, &options, &compiled(source).0);
        }
        let there = sources.iter().filter(|source| shelf.find(source, &options).is_some()).count();
        assert!((4..=8).contains(&there), "{there}");
        assert!(shelf.find("11", &options).is_none());
    }

    #[test]
    fn tenants_and_options_are_told_apart() {
        let shelves = Shelves::new(1 << 20);
        let (unit, options) = compiled("1");
        shelves.of(&"a".into()).keep("1", &options, &unit);
        assert!(shelves.of(&"a".into()).find("1", &options).is_some());
        assert!(shelves.of(&"b".into()).find("1", &options).is_none());
        let other = CompileOptions::new(CompileMode::Exec, "other.py");
        assert!(shelves.of(&"a".into()).find("1", &other).is_none());
        assert_eq!((shelves.hits.get(), shelves.misses.get()), (1, 2));
    }

    #[test]
    fn what_is_larger_than_the_room_is_not_kept() {
        let shelves = Shelves::new(PER_UNIT);
        let (unit, options) = compiled("1");
        shelves.of(&"a".into()).keep("1", &options, &unit);
        assert!(shelves.of(&"a".into()).find("1", &options).is_none());
    }
}
