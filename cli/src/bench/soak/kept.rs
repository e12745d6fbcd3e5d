//! What a client asks for that lasts: sessions, with their files; templates and copies of them; snapshots.

use std::time::Duration;

use anyhow::{Context, ensure};
use typhon_client::{Program, Session};
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;

use super::load::{Load, ended, number};

/// How long what expires is there.
const SOON: Duration = Duration::from_secs(1);
/// A file, and what a program writes to another.
const DATA: &[u8] = &[b'd'; 20_000];
const COPIES: &str = "data = open('in').read()\nopen('out', 'w').write(data * 2)\nlen(data)";

impl Load {
    async fn open(&mut self, session: v1::Session) -> anyhow::Result<Session> {
        self.sent += 1;
        let policy = Some(self.policy());
        Ok(self.client.session(v1::Session { policy, ..session }).await?)
    }

    async fn within(&mut self, session: &Session, text: &str, wanted: i64) -> anyhow::Result<()> {
        self.sent += 1;
        number(&session.run(Program::new(text)).await?.response, wanted)
    }

    pub async fn session(&mut self) -> anyhow::Result<()> {
        let session = self.open(v1::Session::default()).await?;
        let n = self.below(1000) as i64;
        self.within(&session, &format!("x = {n}\nimport collections\nx"), n).await?;
        session.write_file("in", DATA).await?;
        self.within(&session, COPIES, DATA.len() as i64).await?;
        let read = session.read_file("out").await?;
        ensure!(read.len() == 2 * DATA.len() && session.list_files("").await?.len() == 2, "other files");
        session.delete_file("out").await?;
        self.sent += 4;
        self.interrupt(&session).await?;
        self.within(&session, "x + 1", n + 1).await?;
        if self.below(2) == 0 {
            self.sent += 1;
            session.reset().await?;
            self.within(&session, "len([name for name in dir() if name == 'x'])", 0).await?;
        }
        self.sent += 1;
        Ok(session.delete().await?)
    }

    async fn interrupt(&mut self, session: &Session) -> anyhow::Result<()> {
        let mut run = session.stream(Program::new("print('here', flush=True)\nwhile True: pass"));
        run.next().await?.context("it says that it is here")?;
        session.interrupt().await?;
        self.sent += 2;
        ended(&run.end().await?, Reason::Interrupted)
    }

    /// Nobody deletes it, and half of them run until they are over.
    pub async fn expire(&mut self) -> anyhow::Result<()> {
        let (idle_ttl, ttl) = (SOON.try_into().ok(), (2 * SOON).try_into().ok());
        let session = self.open(v1::Session { idle_ttl, ttl, ..v1::Session::default() }).await?;
        self.within(&session, "kept = list(range(1000))\nlen(kept)", 1000).await
    }

    pub async fn template(&mut self) -> anyhow::Result<()> {
        let warm_up = "import json\ndata = list(range(20000))";
        let template = self.client.template(v1::Template::default(), warm_up).await?;
        let template = template.ok().context("its warm-up completes")?;
        for _ in 0..3 {
            number(&template.stream(Program::new("len(data)")).end().await?.response, 20_000)?;
        }
        let session = template.session(v1::Session::default()).await?;
        self.sent += 5;
        self.within(&session, "data.append(json.loads('1'))\nlen(data)", 20_001).await?;
        let copies = session.fork(2).await?;
        for (n, copy) in (0..).zip(&copies) {
            let text = format!("data.extend(range({n}))\nlen(data)");
            self.within(copy, &text, 20_001 + n).await?;
        }
        self.within(&session, "len(data)", 20_001).await?;
        self.sent += 5;
        for session in copies.into_iter().chain([session]) {
            session.delete().await?;
        }
        Ok(template.delete().await?)
    }

    pub async fn snapshot(&mut self) -> anyhow::Result<()> {
        let session = self.open(v1::Session::default()).await?;
        self.within(&session, "held = {n: str(n) for n in range(500)}\nlen(held)", 500).await?;
        let snapshot = session.snapshot(v1::Snapshot::default(), false).await?;
        session.delete().await?;
        let policy = Some(self.policy());
        let again = snapshot.session(v1::Session { policy, ..v1::Session::default() }).await?;
        self.within(&again, "len(held)", 500).await?;
        let sealed = snapshot.export().await?;
        snapshot.delete().await?;
        let snapshot = self.client.import_snapshot(v1::Snapshot::default(), &sealed).await?;
        number(&snapshot.stream(Program::new("len(held) + 1")).end().await?.response, 501)?;
        again.delete().await?;
        self.sent += 8;
        Ok(snapshot.delete().await?)
    }
}
