//! Having something compiled: at once, or by the workers.

use crate::cache::{Claim, Variant};
use crate::counts::Count;
use crate::process::{How, Process};
use crate::site::Mailbox;
use crate::tier::Part;
use crate::worker::{Job, NoVariant, Work};
use std::sync::Arc;

/// What has become of something that was to be compiled.
pub(crate) enum Compiled {
    /// It is.
    Now(Arc<Variant>),
    /// The workers have it, and leave it there.
    Later(Arc<Mailbox>),
    /// They have no room for it.
    Full,
}

impl Part {
    /// Compiles something, or gives it to the workers.
    pub(crate) fn have_compiled(&self, process: &Process, work: Work, claim: Claim) -> Result<Compiled, NoVariant> {
        let shared = &process.0;
        match &shared.how {
            How::Sync(lowerer) => {
                self.counts.add(Count::Compiled);
                shared.compiler.publish(&mut lowerer.lock(), work, claim, &self.jit.bill).map(Compiled::Now)
            }
            How::Background(workers) => {
                let mail = Mailbox::new();
                let [wanted, done] = [(); 2].map(|()| Arc::downgrade(&mail));
                let job = Job {
                    work,
                    claim,
                    bill: self.jit.bill.clone(),
                    wanted: Box::new(move || wanted.strong_count() > 0),
                    done: Box::new(move |outcome| {
                        if let Some(mail) = done.upgrade() {
                            mail.put(outcome);
                        }
                    }),
                };
                if workers.offer(job).is_err() {
                    return Ok(Compiled::Full);
                }
                self.counts.add(Count::Offered);
                Ok(Compiled::Later(mail))
            }
        }
    }
}
