//! `SnapshotService`: snapshots to the wire and from it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use typhon_proto::v1;
use typhon_proto::v1::snapshot_service_server::SnapshotService;

use super::{Api, page, request, response};
use crate::audit;
use crate::error::{Refusal, SnapshotRefusal};
use crate::identity::layer::caller;
use crate::seal::{ENGINE, FORMAT};
use crate::snapshots::{Asked, Snapshot};

pub const NAME: &str = "snapshots/";
/// A message of a snapshot that leaves holds no more.
const PIECE: usize = 64 << 10;

#[tonic::async_trait]
impl SnapshotService for Api {
    async fn create_snapshot(
        &self,
        request: Request<v1::CreateSnapshotRequest>,
    ) -> Result<Response<v1::CreateSnapshotResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        request::request_id(&request.request_id)?;
        let identity = self.fingerprints.snapshot(&caller.tenant, &request);
        let asked = asked(request.snapshot, "snapshot")?;
        let name =
            page::named(request.session, "sessions/").map_err(|refusal| request::within_as(refusal, "session"))?;
        let session = self.admission.session(&caller.tenant, &name).await?;
        let (admission, leave_out) = (self.admission.clone(), request.leave_out);
        caller.tenant.begin()?;
        let _room = self.admission.aside().await?;
        let made = move || admission.snapshot(&session, asked, leave_out, identity);
        let made = tokio::task::spawn_blocking(made).await;
        let snapshot = made.map_err(|e| Refusal::Internal { what: e.to_string() })??;
        self.admission.snapshots()?.keep(&snapshot).await?;
        audit::did(&caller, "snapshot.create", &snapshot.name);
        Ok(Response::new(v1::CreateSnapshotResponse { snapshot: Some(wire(&snapshot)) }))
    }

    async fn get_snapshot(
        &self,
        request: Request<v1::GetSnapshotRequest>,
    ) -> Result<Response<v1::GetSnapshotResponse>, Status> {
        let tenant = caller(&request)?.tenant;
        let name = page::named(request.into_inner().name, NAME)?;
        let snapshot = self.admission.snapshots()?.describe(&tenant, &name).await?;
        Ok(Response::new(v1::GetSnapshotResponse { snapshot: Some(snapshot) }))
    }

    async fn list_snapshots(
        &self,
        request: Request<v1::ListSnapshotsRequest>,
    ) -> Result<Response<v1::ListSnapshotsResponse>, Status> {
        let tenant = caller(&request)?.tenant;
        let v1::ListSnapshotsRequest { page_size, page_token } = request.into_inner();
        let most = page::page_size_of(page_size)?;
        page::token(&page_token, NAME)?;
        let (snapshots, more) = self.admission.snapshots()?.page(&tenant, &page_token, most).await?;
        let next_page_token = page::next(snapshots.last().map(|last| &*last.name), more);
        Ok(Response::new(v1::ListSnapshotsResponse { snapshots, next_page_token }))
    }

    async fn delete_snapshot(
        &self,
        request: Request<v1::DeleteSnapshotRequest>,
    ) -> Result<Response<v1::DeleteSnapshotResponse>, Status> {
        let caller = caller(&request)?;
        let name = page::named(request.into_inner().name, NAME)?;
        self.admission.snapshots()?.forget(&caller.tenant, &name).await?;
        audit::did(&caller, "snapshot.delete", &name);
        Ok(Response::new(v1::DeleteSnapshotResponse {}))
    }

    type ExportSnapshotStream = ReceiverStream<Result<v1::ExportSnapshotResponse, Status>>;

    async fn export_snapshot(
        &self,
        request: Request<v1::ExportSnapshotRequest>,
    ) -> Result<Response<Self::ExportSnapshotStream>, Status> {
        let caller = caller(&request)?;
        let name = page::named(request.into_inner().name, NAME)?;
        let snapshots = self.admission.snapshots()?;
        snapshots.bring(&caller.tenant, &name).await?;
        let snapshot = snapshots.find(&caller.tenant, &name)?;
        let admission = self.admission.clone();
        // Its encryption takes a moment.
        let sealed = tokio::task::spawn_blocking(move || admission.snapshots()?.seal(&snapshot)).await;
        let sealed = sealed.map_err(|e| Refusal::Internal { what: e.to_string() })??;
        audit::did(&caller, "snapshot.export", &name);
        let (sender, receiver) = mpsc::channel(2);
        tokio::spawn(async move {
            let mut at = 0;
            for data in sealed.chunks(PIECE) {
                let offset = i64::try_from(at).unwrap_or(i64::MAX);
                let piece = v1::ExportSnapshotResponse { offset, data: data.to_vec() };
                // A client that is gone wants no more.
                if sender.send(Ok(piece)).await.is_err() {
                    return;
                }
                at += data.len();
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn import_snapshot(
        &self,
        request: Request<Streaming<v1::ImportSnapshotRequest>>,
    ) -> Result<Response<v1::ImportSnapshotResponse>, Status> {
        use v1::import_snapshot_request::Message;
        let caller = caller(&request)?;
        let mut pieces = request.into_inner();
        let first = pieces.next().await.transpose()?.and_then(|first| first.message);
        let Some(Message::Start(start)) = first else {
            return Err(Refusal::invalid("start", "must be the first message").into());
        };
        let asked = asked(start.snapshot, "start.snapshot")?;
        let most = self.admission.snapshots()?.import_max();
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.next().await.transpose()? {
            match piece.message {
                Some(Message::Data(data)) => bytes.extend_from_slice(&data),
                Some(Message::Start(_)) => {
                    return Err(Refusal::invalid("start", "must be the first message only").into());
                }
                None => return Err(Refusal::invalid("message", "is required").into()),
            }
            if bytes.len() as u64 > most {
                let max_bytes = self.admission.config.snapshot_max.0;
                return Err(Refusal::from(SnapshotRefusal::TooLarge { max_bytes }).into());
            }
        }
        let (admission, tenant) = (self.admission.clone(), caller.tenant.clone());
        // Its signature takes a moment.
        let taken = tokio::task::spawn_blocking(move || admission.snapshots()?.import(&tenant, asked, &bytes)).await;
        let snapshot = taken.map_err(|e| Refusal::Internal { what: e.to_string() })??;
        self.admission.snapshots()?.keep(&snapshot).await?;
        audit::did(&caller, "snapshot.import", &snapshot.name);
        Ok(Response::new(v1::ImportSnapshotResponse { snapshot: Some(wire(&snapshot)) }))
    }
}

fn asked(snapshot: Option<v1::Snapshot>, at: &str) -> Result<Asked, Refusal> {
    let v1::Snapshot { labels, ttl, .. } = snapshot.unwrap_or_default();
    Ok(Asked {
        labels: request::labels(labels, &format!("{at}.labels"))?,
        ttl: request::duration(ttl, &format!("{at}.ttl"), Duration::from_millis(1))?,
    })
}

pub fn wire(snapshot: &Arc<Snapshot>) -> v1::Snapshot {
    v1::Snapshot {
        name: snapshot.name.clone(),
        labels: snapshot.labels.iter().cloned().collect(),
        ttl: Some(response::duration(snapshot.ttl)),
        create_time: Some(snapshot.created.into()),
        expire_time: Some(snapshot.expires().into()),
        size_bytes: i64::try_from(snapshot.image.len()).unwrap_or(i64::MAX),
        digest: snapshot.digest.clone(),
        format: FORMAT.to_owned(),
        engine_version: ENGINE.clone(),
        session: snapshot.session.clone(),
        left_out: snapshot.left_out.clone(),
    }
}
