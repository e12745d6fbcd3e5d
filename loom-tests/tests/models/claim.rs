//! Claims: of several that resume a generator one does, and sees it as the one before left it.

use loom::thread;
use typhon_loom_tests::{Payload, breaks, caught, check};
use typhon_qsbr::{mutant::Mutant, sync::Arc, words::Field};

const SUSPENDED: u8 = 1;
const RUNNING: u8 = 2;

/// A generator: where it stands, and its registers.
struct Generator {
    state: Field<u8>,
    registers: Payload,
}

impl Generator {
    /// Resumes it, if nobody else does: claims it, runs, and says where it stands. `alone`: as who has no others beside him.
    fn resume(&self, alone: bool) -> bool {
        let mine = if alone { self.state.turn(SUSPENDED, RUNNING) } else { self.state.claim(SUSPENDED, RUNNING) };
        if mine {
            self.registers.add(1);
            self.state.set(SUSPENDED);
        }
        mine
    }
}

/// Two threads resume it at once, one of them twice.
fn resumed(alone: bool) {
    let generator = Arc::new(Generator { state: Field::new(SUSPENDED), registers: Payload::new(0) });
    let other = {
        let generator = generator.clone();
        thread::spawn(move || u64::from(generator.resume(alone)))
    };
    let mine = u64::from(generator.resume(alone)) + u64::from(generator.resume(alone));
    let theirs = other.join().unwrap();
    assert!(mine + theirs >= 1);
    assert_eq!(generator.registers.read(), mine + theirs);
}

#[test]
fn one_of_two_resumes() {
    check(|| resumed(false));
}

#[test]
fn leaving_is_a_release() {
    caught(Mutant::PublishRelaxed, || resumed(false));
}

#[test]
fn claiming_blindly_is_found() {
    caught(Mutant::ClaimBlind, || resumed(false));
}

#[test]
fn claiming_as_if_alone_is_found() {
    breaks(|| resumed(true));
}
