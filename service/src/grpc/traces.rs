//! What a journal of traces tells, to the wire.

use typhon_jit::journal::{Journal, ToldFate, ToldNote};
use typhon_proto::v1;
use typhon_proto::v1::trace::Kind;

use super::response::{signed, small};

/// So much text is told of one program.
const BYTES: usize = 256 << 10;

pub fn told(journal: &Journal) -> v1::TraceJournal {
    let told = journal.told(BYTES);
    let exit = |(at, times)| v1::TraceExit { times: signed(times), at };
    v1::TraceJournal {
        traces: told.notes.into_iter().map(trace).collect(),
        left_out: signed(told.left_out),
        exits_taken: signed(told.went_on),
        most_taken: told.most.into_iter().map(exit).collect(),
    }
}

fn trace(note: ToldNote) -> v1::Trace {
    let kind = if note.bridge { Kind::Bridge } else { Kind::Loop };
    let begun = v1::Trace {
        kind: kind.into(),
        function: note.function,
        line: i32::try_from(note.line).unwrap_or(i32::MAX),
        ..v1::Trace::default()
    };
    match note.fate {
        ToldFate::GivenUp(reason, text) => {
            v1::Trace { given_up: reason.to_owned(), given_up_text: text.to_owned(), ..begun }
        }
        ToldFate::Compiled { recorded, optimized, exits, code_bytes } => {
            v1::Trace { recorded, optimized, exits: small(exits), code_bytes: signed(code_bytes as u64), ..begun }
        }
    }
}
