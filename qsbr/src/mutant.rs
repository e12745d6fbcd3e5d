//! Seeded faults: the one way in which a model can break a protocol that ships.
//!
//! A model that passes proves little unless it also fails when the protocol is wrong. Each fault is named here and
//! asked for at the place where it would sit; `loom-tests` plants one and asserts that loom finds it. In a shipped
//! build [`planted`] is the constant `false` and nothing of a fault is left in the code.

/// A fault that a model can plant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Coming online publishes the sequence without the fence that orders it before the reads that follow.
    OnlineWithoutFence,
    /// A report is a relaxed store: it may overtake the reads before it.
    ReportRelaxed,
    /// Going offline is a relaxed store.
    OfflineRelaxed,
    /// The sequence is advanced relaxed, so a report of the goal carries nothing.
    AdvanceRelaxed,
    /// The scan of the participants is not ordered after the writer's changes.
    ScanWithoutFence,
    /// A requested report is made first and the request cleared afterwards.
    ClearAfterReport,
    /// The request bit is cleared by a relaxed operation.
    ClearRelaxed,
    /// A waiter for a grace period stays online while it waits.
    WaitOnline,
    /// A reporter looks for waiters without a fence after its report.
    WakeWithoutFence,
    /// Garbage is handed over at exit as if its grace period were over.
    HandOverRipe,
    /// A seat is pushed to the registry relaxed.
    JoinRelaxed,
    /// A pointer is published relaxed.
    PublishRelaxed,
    /// A word is replaced by looking and then storing, whatever is there by then.
    RefillBlind,
    /// A replaced value is freed at once.
    FreeAtOnce,
    /// A map's grown table is published before it is filled.
    GrowBeforeFill,
    /// A row's new length is published before its new word.
    LengthFirst,
    /// A reader loads a row's array before its length.
    ArrayBeforeLength,
    /// An entry is published before it is filled.
    IndexFirst,
    /// A table is replaced before the version of its places is taken back.
    VersionAfterTable,
    /// A reader of a remembered place looks at the version before it loads the table.
    VersionBeforeTable,
    /// Coming online does not look whether the world is stopped.
    OnlineIgnoresStop,
    /// Coming online does not look whether another runs alone.
    OnlineBesideOne,
    /// Whoever runs alone lets others come by a relaxed store.
    CompanyRelaxed,
    /// Whoever begins to run alone does not look who is online.
    AloneUnseen,
    /// Whoever begins to run alone does not look whether somebody was just kept waiting.
    AloneAgain,
    /// Company is asked for while somebody copies the process.
    AskUngated,
    /// The world is restarted by a relaxed store.
    ResumeRelaxed,
    /// A merge writes the shared count before it gives up the local one.
    MergeSharedFirst,
    /// The owner frees without looking at the shared count.
    DeadWithoutShared,
    /// A try-retain does not mind a dead object.
    RetainDead,
    /// The last shared release is relaxed.
    ReleaseRelaxed,
    /// An owner leaves without a last look at its queue.
    LeaveUndrained,
    /// A hand-back to an owner that has left is still queued.
    QueueToTheDead,
    /// A hand-back is merged by whoever makes it, though the owner counts meanwhile.
    MergeForThePresent,
    /// Unlocking is a relaxed store.
    UnlockRelaxed,
    /// A site, or a field, is claimed by looking and then writing.
    ClaimBlind,
    /// A waiter for a latch sleeps without leaving a mark.
    AwaitUnmarked,
    /// A value is committed to a site without looking whether it was closed.
    CommitBlind,
    /// A shelf's list is replaced without looking whether it still is the one that was copied.
    OfferBlind,
    /// A section over two objects locks them as given, not by address.
    PairUnordered,
    /// A thread that blocks on a lock keeps its open sections.
    BlockHoldingSections,
    /// A lock that is handed on is given back besides.
    HandedAndFree,
    /// Whoever hands a lock on rings for nobody.
    HandedUnrung,
    /// A lock is copied by fork while somebody goes to sleep for it or wakes.
    CopyUngated,
    /// Whoever waits is still counted in the copy.
    CopyCounted,
    /// Whoever waits to copy is not counted, so that nobody rings for him.
    CopyUncounted,
    /// In the copy, seats are as they were left by threads that are not in it.
    CopySeated,
}

#[cfg(vm_loom)]
mod planting {
    use super::Mutant;

    // A model runs all its threads as coroutines of one OS thread, so this is per model, and tests run in parallel.
    std::thread_local! {
        static PLANTED: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
    }

    /// Runs `f` with `fault` planted.
    pub fn with<R>(fault: Mutant, f: impl FnOnce() -> R) -> R {
        struct Weed;
        impl Drop for Weed {
            fn drop(&mut self) {
                PLANTED.set(None);
            }
        }
        PLANTED.set(Some(fault));
        let _weed = Weed;
        f()
    }

    /// Whether `fault` is planted on this thread.
    pub fn planted(fault: Mutant) -> bool {
        PLANTED.get() == Some(fault)
    }
}

#[cfg(vm_loom)]
pub use planting::{planted, with};

/// Whether `fault` is planted: never, in a build that ships.
#[cfg(not(vm_loom))]
#[inline(always)]
pub const fn planted(_fault: Mutant) -> bool {
    false
}
