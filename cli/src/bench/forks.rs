//! What it costs to begin as a copy of a template, by how much the template holds.

use std::time::Instant;

use anyhow::Context;
use tonic::transport::Channel;
use typhon_proto::v1;
use typhon_proto::v1::execution_service_client::ExecutionServiceClient;
use typhon_proto::v1::session_service_client::SessionServiceClient;
use typhon_proto::v1::template_service_client::TemplateServiceClient;

use super::one_plus_one;
use super::sessions::{create, delete, run, show};

/// MiB of lists of numbers that warm-ups make.
const SIZES: [u64; 3] = [0, 16, 128];
/// Copies of each.
const COPIES: usize = 60;
/// Before anything is counted.
const WARM: usize = 10;

/// Forks of a session at rest, which are a copy of its process and what is said about that, and executions that begin as a copy;
/// nothing where there are no worker processes.
pub async fn all(channel: &Channel) -> anyhow::Result<()> {
    for size in SIZES {
        let source = format!("kept = [list(range(1000, 2000)) for _ in range({size} * 128)]");
        let source = v1::Source { text: source.into(), filename: String::new() };
        let heap = i64::try_from((size * 2 + 64) << 20)?;
        let limits = Some(v1::Limits { heap_bytes: Some(heap), ..v1::Limits::default() });
        let template = Some(v1::Template { limits, ..v1::Template::default() });
        let request = v1::CreateTemplateRequest { template, source: Some(source) };
        let mut templates = TemplateServiceClient::new(channel.clone());
        let made = match templates.create_template(request).await {
            Ok(made) => made.into_inner(),
            Err(status) if status.code() == tonic::Code::Unimplemented => {
                println!("forks: no worker processes here");
                return Ok(());
            }
            Err(status) => return Err(status.into()),
        };
        let template = made.template.with_context(|| format!("no template: {:?}", made.response))?;
        let held = template.heap_bytes >> 20;
        one(channel, &template.name, held).await?;
        templates.delete_template(v1::DeleteTemplateRequest { name: template.name }).await?;
    }
    Ok(())
}

async fn one(channel: &Channel, template: &str, held: i64) -> anyhow::Result<()> {
    let session = v1::Session { template: template.to_owned(), ..v1::Session::default() };
    let origin = create(channel, session).await?;
    run(channel, &origin).await?;
    let (mut forks, mut firsts, mut fresh, mut costs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..WARM + COPIES {
        let began = Instant::now();
        let request = v1::ForkSessionRequest { name: origin.clone(), count: 1 };
        let copies = SessionServiceClient::new(channel.clone()).fork_session(request).await?.into_inner().sessions;
        forks.push(began.elapsed());
        let copy = copies.into_iter().next().context("a copy")?.name;
        let began = Instant::now();
        run(channel, &copy).await?;
        firsts.push(began.elapsed());
        delete(channel, copy).await?;
        let began = Instant::now();
        let target = Some(v1::execute_request::Target::Template(template.to_owned()));
        let request = v1::ExecuteRequest { target, ..one_plus_one() };
        let answer = ExecutionServiceClient::new(channel.clone()).execute(request).await?.into_inner();
        fresh.push(began.elapsed());
        let cost = answer.usage.and_then(|usage| usage.start_time_cost).unwrap_or_default();
        costs.push(cost.try_into().unwrap_or_default());
    }
    show(&format!("fork of a session of {held} MiB"), forks.split_off(WARM));
    show("  1+1 in the copy, for the first time", firsts.split_off(WARM));
    show("  Execute 1+1 that begins as a copy, one after the other", fresh.split_off(WARM));
    show("  of which the server took to have the copy", costs.split_off(WARM));
    delete(channel, origin).await
}
