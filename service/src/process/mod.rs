//! Worker processes: guests run in them, confined, and no two tenants in the same one.
//!
//! The server starts its own program again as `typhon worker` (`worker`), which confines itself (`confine`) and then takes
//! jobs (`guest`). Over a socket (`link`) they speak messages of our own (`wire`), in which programs and what comes of
//! them are `typhon.v1`'s. One execution has a socket to itself, a lane: when its client reads slowly, the lane fills, and
//! the guest waits. What goes to a guest while it runs goes by the control socket, of which a process has one.
//! The server trusts nothing that a worker process says (`relay`), and outlives whatever happens to one (`pool`).

mod confine;
mod errand;
mod guest;
mod link;
mod outlet;
mod pool;
mod relay;
mod request;
mod wire;
mod worker;

pub use guest::serve;
pub use pool::Pool;
pub use relay::{Cell, Far, NotRun, Relayed, run};
pub use wire::Position;
pub use worker::{Resident, Worker};
