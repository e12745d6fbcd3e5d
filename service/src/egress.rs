//! The way out: connections that the server makes for guests which have none of their own, to what the operator has granted and
//! their policy names.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

use parking_lot::Mutex;
use typhon_vm::{Answer, HostError, Outlet};

/// What may be reached: the union of its rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    destination: Destination,
    /// Empty is all.
    ports: Vec<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Destination {
    Any,
    /// In lower case, without a dot at its end.
    Name(String),
    /// What the name ends with, its dot included.
    Below(String),
    /// An address, and how many of its bits count.
    Net(IpAddr, u8),
}

impl Destination {
    fn parse(text: &str) -> Option<Destination> {
        if let Some((address, bits)) = text.split_once('/') {
            let address: IpAddr = address.parse().ok()?;
            let bits: u8 = bits.parse().ok()?;
            return (bits <= width(address)).then_some(Destination::Net(address, bits));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Destination::Net(address, width(address)));
        }
        let name = text.to_ascii_lowercase();
        match name.strip_prefix("*.") {
            Some(rest) => is_name(rest).then(|| Destination::Below(format!(".{rest}"))),
            None => is_name(&name).then_some(Destination::Name(name)),
        }
    }

    fn names(&self, name: &str) -> bool {
        match self {
            Destination::Any => true,
            Destination::Name(own) => own == name,
            Destination::Below(end) => name.ends_with(end) && name.len() > end.len(),
            Destination::Net(..) => false,
        }
    }

    fn holds(&self, address: IpAddr) -> bool {
        match self {
            Destination::Net(net, bits) => match (*net, address) {
                (IpAddr::V4(net), IpAddr::V4(address)) => {
                    same(net.to_bits().into(), address.to_bits().into(), 32, *bits)
                }
                (IpAddr::V6(net), IpAddr::V6(address)) => same(net.to_bits(), address.to_bits(), 128, *bits),
                _ => false,
            },
            _ => false,
        }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Whether the first bits of two numbers are the same.
fn same(one: u128, other: u128, width: u32, bits: u8) -> bool {
    (one ^ other).checked_shr(width.saturating_sub(bits.into())).unwrap_or(0) == 0
}

/// A host's name, as the resolver takes it: no address in disguise, such as `0x7f.1`.
fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253 && name.split('.').all(label) && !last.starts_with(|c: char| c.is_ascii_digit())
}

impl Rule {
    /// A rule of a request.
    pub fn new(destination: &str, ports: Vec<u16>) -> Option<Rule> {
        Some(Rule { destination: Destination::parse(destination)?, ports })
    }

    /// A rule of the operator: a destination, and a port behind a colon.
    fn parse(text: &str) -> Option<Rule> {
        let any = |text: &str| (text == "*").then_some(Destination::Any);
        let whole = any(text).or_else(|| Destination::parse(text));
        if let Some(destination) = whole {
            return Some(Rule { destination, ports: Vec::new() });
        }
        let (destination, port) = text.rsplit_once(':')?;
        let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
        let bare = destination.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(destination);
        Some(Rule { destination: any(bare).or_else(|| Destination::parse(bare))?, ports: vec![port] })
    }

    fn takes(&self, port: u16) -> bool {
        self.ports.is_empty() || self.ports.contains(&port)
    }
}

impl From<Vec<Rule>> for Rules {
    fn from(rules: Vec<Rule>) -> Rules {
        Rules(rules)
    }
}

impl Rules {
    /// The operator's, separated by commas.
    pub fn parse(text: &str) -> Option<Rules> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(Rule::parse).collect::<Option<Vec<_>>>().map(Rules)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a name may lead there: an address of the public internet, unless a rule says the address itself.
    fn grants(&self, names: &HashSet<String>, address: IpAddr, port: Option<u16>) -> bool {
        let named = |rule: &Rule| match rule.destination {
            Destination::Any => true,
            _ => names.iter().any(|name| rule.destination.names(name)),
        };
        let fits = |rule: &&Rule| port.is_none_or(|port| rule.takes(port));
        self.0.iter().filter(fits).any(|rule| rule.destination.holds(address) || named(rule) && is_public(address))
    }

    /// Whether a policy has asked for it. What is private is the operator's to say.
    fn asks(&self, names: &HashSet<String>, address: IpAddr, port: Option<u16>) -> bool {
        let named = |rule: &Rule| names.iter().any(|name| rule.destination.names(name));
        let fits = |rule: &&Rule| port.is_none_or(|port| rule.takes(port));
        self.0.iter().filter(fits).any(|rule| rule.destination.holds(address) || named(rule))
    }

    fn name(&self, name: &str) -> bool {
        self.0.iter().any(|rule| rule.destination.names(name))
    }

    /// As it goes to where the guest runs, which only has to know that there are some.
    pub fn wire(&self) -> Vec<typhon_proto::v1::NetworkRule> {
        let wire = |rule: &Rule| typhon_proto::v1::NetworkRule {
            destination: rule.destination.to_string(),
            ports: rule.ports.iter().map(|port| i32::from(*port)).collect(),
        };
        self.0.iter().map(wire).collect()
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Any => f.write_str("*"),
            Destination::Name(name) => f.write_str(name),
            Destination::Below(end) => write!(f, "*{end}"),
            Destination::Net(address, bits) => write!(f, "{address}/{bits}"),
        }
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, rule) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match (&rule.destination, rule.ports.first()) {
                (destination, None) => write!(f, "{comma}{destination}")?,
                (Destination::Net(IpAddr::V6(address), bits), Some(port)) => {
                    write!(f, "{comma}[{address}/{bits}]:{port}")?;
                }
                (destination, Some(port)) => write!(f, "{comma}{destination}:{port}")?,
            }
        }
        Ok(())
    }
}

/// Whether an address is of the public internet: no machine, network or neighbour of ours, and no way around to one.
fn is_public(address: IpAddr) -> bool {
    let within = |nets: &[&str]| {
        let mut nets = nets.iter().filter_map(|net| Destination::parse(net));
        nets.any(|net| net.holds(address))
    };
    match address {
        IpAddr::V4(_) => !within(NOT_PUBLIC_4),
        IpAddr::V6(_) => within(&["2000::/3"]) && !within(NOT_PUBLIC_6),
    }
}

/// Of IANA's registries of special addresses, what is not globally reachable, and what wraps an address of the other kind.
const NOT_PUBLIC_4: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
];
const NOT_PUBLIC_6: &[&str] = &["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

/// What names have led to, for as long as a session or a program lives: a connection goes to an address that was looked at.
#[derive(Default)]
pub struct Pinned(Mutex<HashMap<IpAddr, HashSet<String>>>);

/// More addresses are not kept: the names that they have must be looked up again.
const PINNED_MAX: usize = 4096;

impl Pinned {
    fn add(&self, name: &str, addresses: &[IpAddr]) {
        let mut pinned = self.0.lock();
        if pinned.len() + addresses.len() > PINNED_MAX {
            pinned.clear();
        }
        for address in addresses {
            pinned.entry(*address).or_default().insert(name.to_owned());
        }
    }

    fn names(&self, address: IpAddr) -> HashSet<String> {
        self.0.lock().get(&address).cloned().unwrap_or_default()
    }
}

/// The outlet of one execution, where the server is.
pub struct Egress {
    granted: Arc<Rules>,
    asked: Arc<Rules>,
    pinned: Arc<Pinned>,
    under_way: Arc<Mutex<usize>>,
}

/// Names and connections that one execution may wait for at once.
const AT_ONCE: usize = 32;
/// How long a connection may take to be made.
const PATIENCE: Duration = Duration::from_secs(10);

impl Egress {
    pub fn new(granted: Arc<Rules>, asked: Arc<Rules>, pinned: Arc<Pinned>) -> Egress {
        Egress { granted, asked, pinned, under_way: Arc::default() }
    }

    fn permits(&self, names: &HashSet<String>, address: IpAddr, port: Option<u16>) -> bool {
        self.granted.grants(names, address, port) && self.asked.asks(names, address, port)
    }

    /// Does what may take its time on a thread of its own.
    fn apart<T: Send + 'static>(
        &self,
        answer: Answer<T>,
        work: impl FnOnce() -> Result<T, HostError> + Send + 'static,
    ) {
        let mut under_way = self.under_way.lock();
        if *under_way >= AT_ONCE {
            drop(under_way);
            return answer(Err(HostError::Os(libc::EAGAIN)));
        }
        *under_way += 1;
        drop(under_way);
        let leaving = Leaving(self.under_way.clone());
        let started = Builder::new().name("typhon-outlet".into()).spawn(move || {
            let done = work();
            drop(leaving);
            answer(done);
        });
        // What was to be done there is dropped, and with it the answer: whoever waits for it sees that none comes.
        drop(started);
    }
}

/// One is no longer under way.
struct Leaving(Arc<Mutex<usize>>);

impl Drop for Leaving {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
    }
}

impl Outlet for Egress {
    fn look_up(&self, name: &str, answer: Answer<Vec<IpAddr>>) {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        if !is_name(&name) || !self.asked.name(&name) {
            return answer(Err(HostError::Denied(format!("this sandbox does not permit looking up {name:?}"))));
        }
        let (granted, asked, pinned) = (self.granted.clone(), self.asked.clone(), self.pinned.clone());
        self.apart(answer, move || {
            let found = (&*name, 0).to_socket_addrs().map_err(|error| os(&error))?;
            let names = HashSet::from([name.clone()]);
            let mut all: Vec<IpAddr> = Vec::new();
            for address in found.map(|found| found.ip().to_canonical()) {
                let good = granted.grants(&names, address, None) && asked.asks(&names, address, None);
                if good && !all.contains(&address) {
                    all.push(address);
                }
            }
            pinned.add(&name, &all);
            Ok(all)
        });
    }

    fn dial(&self, to: SocketAddr, answer: Answer<OwnedFd>) {
        let address = to.ip().to_canonical();
        if to.port() == 0 || !self.permits(&self.pinned.names(address), address, Some(to.port())) {
            return answer(Err(HostError::Denied(format!("this sandbox does not permit connections to {to}"))));
        }
        let to = SocketAddr::new(address, to.port());
        self.apart(answer, move || {
            let stream = TcpStream::connect_timeout(&to, PATIENCE).map_err(|error| os(&error))?;
            // What guests write is written when they say so; few of them may set this themselves.
            stream.set_nodelay(true).map_err(|error| os(&error))?;
            Ok(stream.into())
        });
    }
}

fn os(error: &io::Error) -> HostError {
    let known = match error.kind() {
        io::ErrorKind::TimedOut => libc::ETIMEDOUT,
        // What the resolver says has no number.
        _ => libc::EHOSTUNREACH,
    };
    HostError::Os(error.raw_os_error().unwrap_or(known))
}

#[cfg(test)]
mod tests;
