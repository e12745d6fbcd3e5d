//! Claims: of several that resume a generator one does, and sees it as the one before left it.

use loom::thread;
use typhon_loom_tests::{Payload, breaks, caught, check};
use typhon_qsbr::{mutant::Mutant, sync::Arc, words::Field};
use typhon_rc::{ByteLock, ParkingLot};

const SUSPENDED: u8 = 1;
const RUNNING: u8 = 2;

/// A generator: where it stands, and its registers.
struct Generator {
    lot: ParkingLot,
    lock: ByteLock,
    state: Field<u8>,
    registers: Payload,
}

impl Generator {
    /// Resumes it, if nobody else does: claims it, under the lock or not, runs, and says where it stands.
    fn resume(&self, locked: bool) -> bool {
        if locked {
            self.lock.lock(&self.lot, &mut ());
        }
        let mine = self.state.turn(SUSPENDED, RUNNING);
        if locked {
            self.lock.unlock(&self.lot);
        }
        if mine {
            self.registers.add(1);
            self.state.set(SUSPENDED);
        }
        mine
    }
}

/// Two threads resume it at once, one of them twice.
fn resumed(locked: bool) {
    let generator = Arc::new(Generator {
        lot: ParkingLot::new(),
        lock: ByteLock::new(),
        state: Field::new(SUSPENDED),
        registers: Payload::new(0),
    });
    let other = {
        let generator = generator.clone();
        thread::spawn(move || u64::from(generator.resume(locked)))
    };
    let mine = u64::from(generator.resume(locked)) + u64::from(generator.resume(locked));
    let theirs = other.join().unwrap();
    assert!(mine + theirs >= 1);
    assert_eq!(generator.registers.read(), mine + theirs);
}

#[test]
fn one_of_two_resumes() {
    check(|| resumed(true));
}

#[test]
fn leaving_is_a_release() {
    caught(Mutant::PublishRelaxed, || resumed(true));
}

#[test]
fn claiming_without_the_lock_is_found() {
    breaks(|| resumed(false));
}
