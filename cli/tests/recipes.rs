//! The recipes of docs/http.md, each run as it stands, by the shell, against a server.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start() -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_typhon"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "warn"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let (_, address) = line.trim_end().split_once("http://").expect("an address");
        Server { address: address.to_owned(), child }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// What each recipe of the page must print some of, in its order.
const SHOWN: &[&[&str]] = &[
    &["\"reason\":\"TERMINATION_REASON_COMPLETED\"", "\"intValue\":\"42\""],
    &["{\"result\":{\"sequence\":\"1\"", "\"accepted\":", "\"data\":\"MAo", "\"finished\":"],
    &["\"intValue\":\"21\"", "{}"],
    &["{\"result\":{\"sequence\":\"3\"", "\"data\":\"bGF0ZXIK\""],
    &["\"reason\":\"TERMINATION_REASON_WALL_TIME\"", "\"limit\":\"100000000\""],
    &["typhon.v1.ExecutionService.Execute\n", "\"intValue\": \"42\"", "\"status\": \"SERVING\""],
];

#[test]
fn every_recipe_does_what_the_page_says() {
    let page = include_str!("../../docs/http.md");
    let recipes: Vec<_> = page.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```")).collect();
    assert_eq!(recipes.len(), SHOWN.len());
    let server = Server::start();
    for ((recipe, _), shown) in recipes.iter().zip(SHOWN) {
        let tool = if recipe.contains("grpcurl") { "grpcurl" } else { "curl" };
        if Command::new(tool).arg("--version").output().is_err() {
            eprintln!("NOT RUN, {tool} is not here:\n{recipe}");
            continue;
        }
        let out = Command::new("sh").args(["-ec", recipe]).env("T", &server.address).output().expect("a shell");
        let printed = String::from_utf8_lossy(&out.stdout);
        assert!(out.status.success(), "{recipe}\n{printed}{}", String::from_utf8_lossy(&out.stderr));
        let mut rest = &*printed;
        for part in *shown {
            let at = rest.find(part).unwrap_or_else(|| panic!("{recipe}\nprinted no {part}:\n{printed}"));
            rest = &rest[at + part.len()..];
        }
    }
}
