//! What may be reached, and that nothing else is.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use typhon_vm::{HostError, Outlet};

use super::{Egress, Pinned, Rule, Rules, is_public};

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn asked(rules: &[(&str, &[u16])]) -> Rules {
    let rule = |(destination, ports): &(&str, &[u16])| Rule::new(destination, ports.to_vec()).expect("a rule");
    rules.iter().map(rule).collect::<Vec<_>>().into()
}

fn egress(granted: &str, rules: &[(&str, &[u16])]) -> (Egress, Arc<Pinned>) {
    let pinned = Arc::<Pinned>::default();
    let granted = Rules::parse(granted).expect("the operator's rules");
    (Egress::new(Arc::new(granted), Arc::new(asked(rules)), pinned.clone()), pinned)
}

fn look_up(egress: &Egress, name: &str) -> Result<Vec<IpAddr>, HostError> {
    let (send, receive) = mpsc::channel();
    egress.look_up(name, Box::new(move |found| drop(send.send(found))));
    receive.recv_timeout(Duration::from_secs(60)).expect("an answer")
}

fn dial(egress: &Egress, to: SocketAddr) -> Result<OwnedFd, HostError> {
    let (send, receive) = mpsc::channel();
    egress.dial(to, Box::new(move |made| drop(send.send(made))));
    receive.recv_timeout(Duration::from_secs(60)).expect("an answer")
}

#[test]
fn the_operators_rules_are_read_and_shown() {
    let text = "example.org:443, *.example.org, 10.1.0.0/16:5432, [fd00::/8]:80, fd00::1, *, *:80";
    let shown = "example.org:443, *.example.org, 10.1.0.0/16:5432, [fd00::/8]:80, fd00::1/128, *, *:80";
    let rules = Rules::parse(text).expect("rules");
    assert_eq!(rules.to_string(), shown);
    assert_eq!(Rules::parse(shown).as_ref(), Some(&rules));
    assert!(Rules::parse("").expect("none").is_empty());
    let wrong = [
        "a b",
        "example.org:0",
        "example.org:x",
        "10.0.0.0/33",
        "10.1/16",
        "**.x",
        "*.",
        "1.2.3",
        "127.1",
        "0x7f000001.1",
    ];
    for text in wrong {
        assert_eq!(Rules::parse(text), None, "{text}");
    }
}

#[test]
fn what_is_not_public_is_known() {
    let not = [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.0.1",
        "169.254.169.254",
        "172.31.0.1",
        "192.168.0.1",
        "192.0.2.1",
        "198.19.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:8.8.8.8",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001::1",
        "2001:db8::1",
    ];
    for text in not {
        assert!(!is_public(ip(text)), "{text}");
    }
    for text in ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450::1"] {
        assert!(is_public(ip(text)), "{text}");
    }
}

#[test]
fn a_name_never_leads_to_a_private_address_by_itself() {
    let names = HashSet::from(["db.example.org".to_owned()]);
    let nobody = HashSet::new();
    let (public, private) = (ip("8.8.8.8"), ip("10.1.2.3"));
    let by_name = Rules::parse("*.example.org").expect("rules");
    assert!(by_name.grants(&names, public, Some(80)) && !by_name.grants(&names, private, Some(80)));
    assert!(!by_name.grants(&nobody, public, Some(80)));
    let any = Rules::parse("*:443").expect("rules");
    assert!(any.grants(&nobody, public, Some(443)) && !any.grants(&nobody, public, Some(80)));
    assert!(!any.grants(&names, private, Some(443)));
    let block = Rules::parse("10.1.0.0/16:5432").expect("rules");
    assert!(block.grants(&names, private, Some(5432)) && !block.grants(&names, private, Some(5433)));
    assert!(!block.grants(&nobody, ip("10.2.0.1"), Some(5432)) && !block.grants(&nobody, public, Some(5432)));
}

#[test]
fn both_must_say_so_and_names_are_pinned() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let here = listener.local_addr().expect("its address");
    let port = here.port();
    let refused = |made: Result<OwnedFd, HostError>| matches!(made, Err(HostError::Denied(_)));
    // By its address: the operator's word, and the policy's.
    let (both, _) = egress("127.0.0.0/8", &[("127.0.0.1", &[port])]);
    assert!(dial(&both, here).is_ok());
    assert!(dial(&both, format!("[::ffff:127.0.0.1]:{port}").parse().expect("the same")).is_ok());
    assert!(refused(dial(&both, SocketAddr::new(here.ip(), port ^ 1))));
    let (operator, _) = egress("127.0.0.0/8", &[("example.org", &[])]);
    assert!(refused(dial(&operator, here)));
    let (policy, _) = egress("*", &[("127.0.0.1", &[])]);
    assert!(refused(dial(&policy, here)));
    // By its name: what was looked up, and nothing that was not.
    let (named, pinned) = egress("127.0.0.0/8", &[("localhost", &[port])]);
    assert!(refused(dial(&named, here)));
    assert_eq!(look_up(&named, "LOCALHOST.").expect("found"), [here.ip()]);
    assert!(dial(&named, here).is_ok());
    pinned.0.lock().clear();
    assert!(refused(dial(&named, here)));
    assert!(matches!(look_up(&named, "elsewhere.example"), Err(HostError::Denied(_))));
    assert!(matches!(look_up(&named, "127.0.0.1"), Err(HostError::Denied(_))));
    // A name whose addresses the operator does not grant has none.
    let (private, _) = egress("*", &[("localhost", &[])]);
    assert!(look_up(&private, "localhost").expect("found").is_empty());
}

#[test]
fn a_connection_that_nobody_takes_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let here = listener.local_addr().expect("its address");
    drop(listener);
    let (both, _) = egress("127.0.0.1", &[("127.0.0.1", &[])]);
    assert!(matches!(dial(&both, here), Err(HostError::Os(libc::ECONNREFUSED))));
    assert_eq!(*both.under_way.lock(), 0);
}
