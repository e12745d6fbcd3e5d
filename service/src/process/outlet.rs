//! The outlet of a guest in a worker process: the server looks, decides and connects, and sends the connection's descriptor.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use parking_lot::Mutex;
use typhon_vm::{Answer, HostError, Outlet};

use super::guest::Teller;
use super::relay::Far;
use super::wire::{Ask, Reached, Tale, What};

/// Where the guest is.
pub struct FarOutlet {
    told: Arc<Teller>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    last: u64,
    names: HashMap<u64, Answer<Vec<IpAddr>>>,
    streams: HashMap<u64, Answer<OwnedFd>>,
}

impl FarOutlet {
    pub fn new(told: Arc<Teller>) -> FarOutlet {
        FarOutlet { told, waiting: Mutex::default() }
    }

    /// The server's answer, and what came along with it.
    pub fn hear(&self, reached: Reached, descriptor: Option<OwnedFd>) {
        let mut waiting = self.waiting.lock();
        let (name, stream) = (waiting.names.remove(&reached.number), waiting.streams.remove(&reached.number));
        drop(waiting);
        let refused = match (reached.denied.is_empty(), reached.errno) {
            (false, _) => Some(HostError::Denied(reached.denied)),
            (true, 0) => None,
            (true, errno) => Some(HostError::Os(errno)),
        };
        if let Some(answer) = name {
            let addresses = reached.addresses.iter().filter_map(|text| text.parse().ok()).collect();
            answer(refused.map_or(Ok(addresses), Err));
        } else if let Some(answer) = stream {
            let nothing = refused.unwrap_or(HostError::Os(libc::EBADF));
            answer(descriptor.ok_or(nothing));
        }
    }

    fn ask(&self, ask: Ask) {
        let number = ask.number;
        if self.told.tell(Tale::Ask(ask)).is_err() {
            // The server is gone, and so will this process be. Whoever waits sees that no answer comes.
            let mut waiting = self.waiting.lock();
            drop((waiting.names.remove(&number), waiting.streams.remove(&number)));
        }
    }
}

impl Outlet for FarOutlet {
    fn look_up(&self, name: &str, answer: Answer<Vec<IpAddr>>) {
        let mut waiting = self.waiting.lock();
        waiting.last += 1;
        let number = waiting.last;
        waiting.names.insert(number, answer);
        drop(waiting);
        self.ask(Ask { number, name: name.to_owned(), address: String::new() });
    }

    fn dial(&self, to: SocketAddr, answer: Answer<OwnedFd>) {
        let mut waiting = self.waiting.lock();
        waiting.last += 1;
        let number = waiting.last;
        waiting.streams.insert(number, answer);
        drop(waiting);
        self.ask(Ask { number, name: String::new(), address: to.to_string() });
    }
}

/// What a guest far away asks, done here. False where it cannot have asked that.
pub fn serve(outlet: &dyn Outlet, ask: Ask, far: Arc<Far>) -> bool {
    let Ask { number, name, address } = ask;
    if !name.is_empty() {
        outlet.look_up(&name, Box::new(move |found| far.reached(number, found.map(Found::Addresses))));
        return true;
    }
    let Ok(to) = address.parse() else { return false };
    outlet.dial(to, Box::new(move |made| far.reached(number, made.map(Found::Stream))));
    true
}

/// What there was outside.
pub enum Found {
    Addresses(Vec<IpAddr>),
    Stream(OwnedFd),
}

impl Far {
    fn reached(&self, number: u64, found: Result<Found, HostError>) {
        let mut reached = Reached { number, ..Reached::default() };
        let mut descriptor = None;
        match found {
            Ok(Found::Addresses(addresses)) => {
                reached.addresses = addresses.iter().map(IpAddr::to_string).collect();
            }
            Ok(Found::Stream(stream)) => {
                reached.stream = true;
                descriptor = Some(stream);
            }
            Err(HostError::Denied(why)) => reached.denied = why,
            Err(HostError::Os(errno)) => reached.errno = errno,
            Err(HostError::Interrupted) => reached.errno = libc::EINTR,
        }
        self.send_with(What::Reached(reached), descriptor.as_ref().map(AsFd::as_fd));
    }
}
