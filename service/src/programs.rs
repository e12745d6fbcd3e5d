//! Programs: source that a tenant has given a name, which is what it says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use ring::digest::{Context, SHA256};

use crate::error::Refusal;
use crate::identity::Tenant;

pub struct Programs {
    bytes_max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    all: BTreeMap<Place, Arc<Program>>,
    bytes: usize,
    /// How often any was used: tells which was used last.
    clock: u64,
}

/// A tenant's name, and the program's.
type Place = (Arc<str>, String);

pub struct Program {
    /// programs/{sha256}
    pub name: String,
    pub filename: String,
    pub source: Vec<u8>,
    pub created: SystemTime,
    uses: Mutex<Uses>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    pub count: u64,
    pub last: Option<SystemTime>,
    clock: u64,
}

/// What one costs besides its source.
const OVERHEAD: usize = 512;

impl Programs {
    pub fn new(bytes_max: usize) -> Programs {
        Programs { bytes_max, state: Mutex::default() }
    }

    /// The program of this source, new or known. Makes room by forgetting what the largest tenant has not used longest.
    pub fn create(&self, tenant: &Tenant, source: Vec<u8>, filename: String) -> Result<Arc<Program>, Refusal> {
        let name = name_of(&source, &filename);
        let mut state = self.state.lock();
        state.clock += 1;
        let uses = Mutex::new(Uses { clock: state.clock, ..Uses::default() });
        let place = (tenant.name.clone(), name.clone());
        if let Some(known) = state.all.get(&place) {
            return Ok(known.clone());
        }
        let program = Arc::new(Program { name, filename, source, created: SystemTime::now(), uses });
        if program.bytes() > self.bytes_max {
            return Err(Refusal::PayloadTooLarge { max_bytes: self.bytes_max as u64 });
        }
        state.bytes += program.bytes();
        state.all.insert(place, program.clone());
        while state.bytes > self.bytes_max && state.forget_one(&program) {}
        Ok(program)
    }

    /// The tenant's program of this name.
    pub fn find(&self, tenant: &Tenant, name: &str) -> Result<Arc<Program>, Refusal> {
        let place = (tenant.name.clone(), name.to_owned());
        let found = self.state.lock().all.get(&place).cloned();
        found.ok_or(Refusal::ProgramNotFound { name: place.1 })
    }

    /// As [`Programs::find`], for an execution.
    pub fn take(&self, tenant: &Tenant, name: &str) -> Result<Arc<Program>, Refusal> {
        let program = self.find(tenant, name)?;
        let clock = {
            let mut state = self.state.lock();
            state.clock += 1;
            state.clock
        };
        let mut uses = program.uses.lock();
        *uses = Uses { count: uses.count + 1, last: Some(SystemTime::now()), clock };
        drop(uses);
        Ok(program)
    }

    /// At most `most` programs of the tenant whose names come after `after`, and whether there are more.
    pub fn list(&self, tenant: &Tenant, after: &str, most: usize) -> (Vec<Arc<Program>>, bool) {
        use std::ops::Bound::{Excluded, Unbounded};
        let state = self.state.lock();
        let rest = state.all.range((Excluded((tenant.name.clone(), after.to_owned())), Unbounded));
        let mut rest = rest.take_while(|((of, _), _)| *of == tenant.name).map(|(_, program)| program);
        let page = rest.by_ref().take(most).cloned().collect();
        (page, rest.next().is_some())
    }

    pub fn delete(&self, tenant: &Tenant, name: &str) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        let place = (tenant.name.clone(), name.to_owned());
        let Some(program) = state.all.remove(&place) else { return Err(Refusal::ProgramNotFound { name: place.1 }) };
        state.bytes -= program.bytes();
        Ok(())
    }
}

impl Program {
    pub fn uses(&self) -> Uses {
        *self.uses.lock()
    }

    fn bytes(&self) -> usize {
        self.source.len() + self.filename.len() + OVERHEAD
    }
}

impl State {
    /// Forgets one, but not `but`; whether there was any.
    fn forget_one(&mut self, but: &Arc<Program>) -> bool {
        let mut sizes: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        for ((tenant, _), program) in &self.all {
            *sizes.entry(tenant).or_default() += program.bytes();
        }
        let Some(largest) = sizes.into_iter().max_by_key(|(_, bytes)| *bytes).map(|(tenant, _)| tenant.clone()) else {
            return false;
        };
        let theirs = self.all.iter().filter(|((of, _), program)| *of == largest && !Arc::ptr_eq(program, but));
        let Some(place) = theirs.min_by_key(|(_, program)| program.uses().clock).map(|(place, _)| place.clone()) else {
            return false;
        };
        if let Some(program) = self.all.remove(&place) {
            self.bytes -= program.bytes();
        }
        true
    }
}

/// The name says the source and what it is called; where one ends and the other begins, as well.
fn name_of(source: &[u8], filename: &str) -> String {
    let mut hash = Context::new(&SHA256);
    hash.update(&(filename.len() as u64).to_le_bytes());
    hash.update(filename.as_bytes());
    hash.update(source);
    let digits: String = hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("programs/{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(programs: &Programs, tenant: &Tenant, source: &[u8]) -> String {
        programs.create(tenant, source.to_vec(), "f".to_owned()).expect("room").name.clone()
    }

    #[test]
    fn the_same_source_is_the_same_program() {
        let (programs, tenant) = (Programs::new(1 << 20), Tenant::new("a"));
        let name = create(&programs, &tenant, b"1");
        assert_eq!(name, create(&programs, &tenant, b"1"));
        assert_ne!(name, create(&programs, &tenant, b"2"));
        assert_ne!(name_of(b"b", "a"), name_of(b"", "ab"));
        assert_eq!(programs.list(&tenant, "", 10).0.len(), 2);
        assert!(programs.list(&Tenant::new("b"), "", 10).0.is_empty());
        assert!(programs.find(&Tenant::new("b"), &name).is_err());
    }

    #[test]
    fn room_is_made_where_most_is() {
        let programs = Programs::new(4 * (OVERHEAD + 2));
        let (many, few) = (Tenant::new("many"), Tenant::new("few"));
        let names: Vec<String> = [b"1", b"2", b"3"].iter().map(|source| create(&programs, &many, *source)).collect();
        create(&programs, &few, b"1");
        programs.take(&many, &names[0]).expect("there");
        create(&programs, &few, b"2");
        assert!(programs.find(&many, &names[1]).is_err(), "not used for longest");
        assert!(programs.find(&many, &names[0]).is_ok() && programs.find(&many, &names[2]).is_ok());
        assert_eq!(programs.list(&few, "", 10).0.len(), 2);
        assert!(programs.create(&few, vec![0; 1 << 20], String::new()).is_err(), "larger than all the room");
    }

    #[test]
    fn what_is_deleted_is_gone_and_gives_its_room_back() {
        let (programs, tenant) = (Programs::new(1 << 20), Tenant::new("a"));
        let name = create(&programs, &tenant, b"1");
        programs.delete(&tenant, &name).expect("there");
        assert!(programs.find(&tenant, &name).is_err() && programs.delete(&tenant, &name).is_err());
        assert_eq!(programs.state.lock().bytes, 0);
    }
}
