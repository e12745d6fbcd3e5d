//! The generated code is what the `.proto` files say.

use std::fs;
use std::path::{Path, PathBuf};

use prost::Message;

const FILES: [&str; 14] = [
    "admin_service",
    "execution_service",
    "file_service",
    "limits",
    "outcome",
    "policy",
    "program_service",
    "runtime_service",
    "session_service",
    "snapshot_service",
    "template_service",
    "tenant",
    "traces",
    "value",
];

#[test]
fn generated_code_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("typhon-proto-gen");
    fs::create_dir_all(&fresh).expect("a folder for the fresh code");

    let sources: Vec<PathBuf> = FILES.iter().map(|name| root.join(format!("typhon/v1/{name}.proto"))).collect();
    let on_disk = fs::read_dir(root.join("typhon/v1")).expect("the folder of the sources").count();
    assert_eq!(on_disk, FILES.len(), "every .proto file is in the list above");

    let descriptors = protox::compile(&sources, [root]).expect("the .proto files compile");
    fs::write(fresh.join("typhon.v1.bin"), descriptors.encode_to_vec()).expect("the descriptor set is written");
    tonic_prost_build::configure()
        .out_dir(&fresh)
        .codec_path("crate::codec::StrictCodec")
        // The rare and large ones, so that a list of a million ints is not a list of a million exceptions.
        .boxed(".typhon.v1.Value.kind.exception_value")
        .boxed(".typhon.v1.Value.kind.instance_value")
        .boxed(".typhon.v1.Value.kind.datetime_value")
        .boxed(".typhon.v1.Value.kind.time_value")
        .boxed(".typhon.v1.Value.kind.type_value")
        .boxed(".typhon.v1.Value.kind.repr_value")
        .boxed(".typhon.v1.Value.kind.function_value")
        .boxed(".typhon.v1.Value.kind.blob_value")
        .boxed(".typhon.v1.Outcome.detail.exception")
        .boxed(".typhon.v1.ExecuteResponse.traces")
        .boxed(".typhon.v1.Usage.sharing")
        .boxed(".typhon.v1.StreamExecuteResponse.event.started")
        .boxed(".typhon.v1.StreamExecuteResponse.event.progress")
        .boxed(".typhon.v1.StreamExecuteResponse.event.finished")
        .boxed(".typhon.v1.InteractRequest.message.start")
        .boxed(".typhon.v1.InteractRequest.message.host_result")
        .boxed(".typhon.v1.InteractResponse.event.started")
        .boxed(".typhon.v1.InteractResponse.event.progress")
        .boxed(".typhon.v1.InteractResponse.event.finished")
        .boxed(".typhon.v1.InteractResponse.event.host_call")
        .boxed(".typhon.v1.AttachExecutionResponse.event.started")
        .boxed(".typhon.v1.AttachExecutionResponse.event.progress")
        .boxed(".typhon.v1.AttachExecutionResponse.event.finished")
        .boxed(".typhon.v1.ImportSnapshotRequest.message.start")
        .boxed(".typhon.v1.BatchExecuteRequest.message.setup")
        .boxed(".typhon.v1.BatchExecuteRequest.message.case")
        .boxed(".typhon.v1.BatchExecuteResponse.message.result")
        .compile_fds(descriptors)
        .expect("the code is generated");

    for name in ["typhon.v1.rs", "typhon.v1.bin"] {
        let (committed, fresh) = (root.join("src/gen").join(name), fresh.join(name));
        if std::env::var_os("TYPHON_REGENERATE").is_some() {
            fs::copy(&fresh, &committed).expect("the generated file is written");
        }
        let same = fs::read(&committed).ok() == Some(fs::read(&fresh).expect("the fresh file"));
        assert!(same, "{name} is stale: run TYPHON_REGENERATE=1 cargo test -p typhon-proto --test bootstrap");
    }
}
