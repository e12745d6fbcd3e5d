//! What is scraped is what docs/service.md says.

use std::collections::BTreeSet;

use super::*;
use crate::config::Config;
use crate::engine::Vm;
use crate::server::{Parts, Shared};

/// The names in the table of metrics, as Prometheus knows them.
fn documented() -> BTreeSet<String> {
    let page = include_str!("../../../docs/service.md");
    let (_, table) = page.split_once("| metric | labels |").expect("the table");
    let (table, _) = table.split_once("\n\n").expect("its end");
    let rows = table.lines().filter_map(|row| row.strip_prefix("| ")).filter_map(|row| row.split(" | ").next());
    let named = rows.flat_map(|row| row.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>());
    named.filter(|name| name.starts_with("typhon_") || name.starts_with("grpc_")).collect()
}

#[tokio::test]
async fn the_table_of_metrics_names_all_and_no_others() {
    let setting = |name: &str| ["isolation", "isolation_least"].contains(&name).then(|| "in_process".to_owned());
    let config = Arc::new(Config::from_source(|row| setting(row.name)).expect("good settings"));
    let engine = Vm::new(None, config.compiled_bytes_max);
    let parts = Parts::new(config, Arc::new(engine), Shared::default()).expect("a server");
    let metrics = parts.admission.metrics();
    // What has labels is told once it has happened.
    let limit = v1::LimitHit { which: v1::LimitName::WallTime.into(), ..v1::LimitHit::default() };
    let outcome = v1::Outcome { detail: Some(Detail::Limit(limit)), ..v1::Outcome::default() };
    let output = v1::Output { produced_bytes: 1, ..v1::Output::default() };
    let usage = v1::Usage { host_calls: 1, sharing: Some(Box::default()), ..v1::Usage::default() };
    let response = v1::ExecuteResponse {
        outcome: Some(outcome),
        stdout: Some(output),
        usage: Some(usage),
        ..v1::ExecuteResponse::default()
    };
    metrics.ended(&Tenant::new("default"), &response);
    metrics.refused("DRAINING");
    metrics.host_calls_ended(CallEnd::Returned, 1);
    metrics.durable(Durably::Ended);
    metrics.passed(Passed::Restored);
    let method = metrics.call("/typhon.v1.ExecutionService/Execute");
    metrics.called(&method, Code::Ok, Duration::ZERO);
    metrics.weighed(&method, Way::In, 7);
    metrics.weighed(&method, Way::Out, 7);
    let text = metrics.text().expect("text");
    let of = |line: &str| {
        let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
        let suffix = match kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        Some(format!("{name}{suffix}"))
    };
    let mut found: BTreeSet<String> = text.lines().filter_map(of).collect();
    // Without TLS there is none; the tests of TLS read it.
    found.insert("typhon_tls_cert_expiry_timestamp_seconds".to_owned());
    assert_eq!(found, documented());
}

#[tokio::test]
async fn the_end_of_the_certificate_moves_with_the_certificate() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let sign = |year| {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = rcgen::KeyPair::generate().expect("a key");
        std::fs::write(path("pem"), params.self_signed(&key).expect("signed").pem()).expect("written");
        std::fs::write(path("key"), key.serialize_pem()).expect("written");
    };
    sign(2040);
    let (pem, key) = (path("pem"), path("key"));
    let setting = |name: &str| match name {
        "isolation" | "isolation_least" => Some("in_process".to_owned()),
        "tls_cert" => Some(pem.clone()),
        "tls_key" => Some(key.clone()),
        _ => None,
    };
    let config = Arc::new(Config::from_source(|row| setting(row.name)).expect("good settings"));
    let parts = Parts::new(config, Arc::new(Vm::default()), Shared::default()).expect("a server");
    let expiry = || {
        let text = parts.admission.metrics().text().expect("text");
        let line = text.lines().find_map(|line| line.strip_prefix("typhon_tls_cert_expiry_timestamp_seconds "));
        line.expect("the metric").to_owned()
    };
    assert_eq!(expiry(), "2208988800");
    sign(2041);
    parts.certificates.as_ref().expect("TLS").reload().expect("read");
    assert_eq!(expiry(), "2240611200");
}
