//! Runs a program over inputs, some at a time: `cargo run -p typhon-client --example judge -- http://127.0.0.1:50451`.

use std::time::Duration;

use typhon_client::{Client, Error, Program, Server};

const SOLUTION: &str = "n = int(input())\nprint(sum(range(n + 1)))";

#[tokio::main]
async fn main() -> Result<(), Error> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:50451".to_owned());
    let typhon = Client::connect(Server::at(url)).await?;
    let mut cases = tokio::task::JoinSet::new();
    for n in [1_u64, 10, 1000] {
        let typhon = typhon.clone();
        cases.spawn(async move {
            let program = Program::new(SOLUTION).stdin(format!("{n}\n")).wall_time(Duration::from_secs(1));
            let end = typhon.run(program).await?;
            let right = end.completed().is_ok() && end.stdout == format!("{}\n", n * (n + 1) / 2).into_bytes();
            Ok::<_, Error>((n, right))
        });
    }
    while let Some(verdict) = cases.join_next().await {
        if let Ok(verdict) = verdict {
            let (n, right) = verdict?;
            println!("{n}: {}", if right { "passed" } else { "failed" });
        }
    }
    Ok(())
}
