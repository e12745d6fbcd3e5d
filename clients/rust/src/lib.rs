//! The client of Typhon, the service that runs Python programs under limits.
//!
//! ```no_run
//! # async fn example() -> Result<(), typhon_client::Error> {
//! use typhon_client::{Client, Program, Server};
//!
//! let typhon = Client::connect(Server::at("http://127.0.0.1:50451")).await?;
//! let end = typhon.run(Program::new("print(len(words))\nsorted(words)").input("words", ["b", "a"])).await?;
//! println!("{:?} {:?}", end.stdout, end.completed()?.result);
//! # Ok(())
//! # }
//! ```
//!
//! That a program failed is data ([`End`]); an [`Error`] says that nothing is known to have run. Calls are made again where
//! that is safe ([`Retry`]): each request has an id, by which the server knows one that it has had before, and a stream that
//! breaks goes on where it was.
#![forbid(unsafe_code)]

mod client;
mod connection;
mod error;
mod execution;
mod files;
mod host;
mod program;
mod retry;
mod run;
mod session;
mod snapshot;
mod template;
mod value;

pub use client::Client;
pub use connection::Server;
pub use error::{Error, Failure};
pub use execution::Execution;
pub use host::{Call, Functions, Raise};
pub use program::Program;
pub use retry::Retry;
pub use run::{Chunk, End, Run};
pub use session::Session;
pub use snapshot::Snapshot;
pub use template::Template;
pub use typhon_proto::v1;
pub use value::IntoValue;
