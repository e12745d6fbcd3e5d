//! `FileService`: the files of sessions to the wire and from it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use typhon_proto::v1;
use typhon_proto::v1::file_service_server::FileService;
use typhon_vm::{FileAnswer, FileEntry, FileWork};

use super::{Api, page, request};
use crate::audit;
use crate::error::Refusal;
use crate::identity::Caller;
use crate::identity::layer::caller;
use crate::session::Session;

const NAME: &str = "sessions/";
/// A message of a file that is read holds no more.
const PIECE: u64 = 64 << 10;

impl Api {
    /// The session, and a path in it.
    async fn place(&self, caller: &Caller, session: String, path: &str) -> Result<Arc<Session>, Refusal> {
        let name = page::named(session, NAME).map_err(|refusal| request::within_as(refusal, "session"))?;
        file_path(path, "path")?;
        self.admission.session(&caller.tenant, &name).await
    }

    /// Runs an errand where the session's isolate lives, on a thread that may wait.
    pub async fn errand(&self, session: &Arc<Session>, work: FileWork) -> Result<FileAnswer, Refusal> {
        let (admission, session) = (self.admission.clone(), session.clone());
        let ran = tokio::task::spawn_blocking(move || admission.errand(&session, work)).await;
        ran.map_err(|e| Refusal::Internal { what: e.to_string() })?
    }
}

/// A path that can be one.
pub fn file_path(path: &str, field: &str) -> Result<(), Refusal> {
    let problem = match path {
        "" => "is required",
        path if path.len() > 4096 => "is longer than 4096 bytes",
        path if path.contains('\0') => "holds a NUL",
        path if path.split('/').any(|part| part.len() > 255) => "has a part longer than 255 bytes",
        _ => return Ok(()),
    };
    Err(Refusal::invalid(field, problem))
}

fn file(path: String, entry: &FileEntry) -> v1::File {
    v1::File {
        path,
        folder: entry.folder,
        size_bytes: i64::try_from(entry.size).unwrap_or(i64::MAX),
        modify_time: Some(UNIX_EPOCH.checked_add(entry.modified).unwrap_or_else(SystemTime::now).into()),
    }
}

fn one(path: String, answer: &FileAnswer) -> Option<v1::File> {
    answer.entries.first().map(|entry| file(path, entry))
}

#[tonic::async_trait]
impl FileService for Api {
    async fn write_file(
        &self,
        request: Request<Streaming<v1::WriteFileRequest>>,
    ) -> Result<Response<v1::WriteFileResponse>, Status> {
        use v1::write_file_request::Message;
        let caller = caller(&request)?;
        let mut pieces = request.into_inner();
        let first = pieces.next().await.transpose()?.and_then(|first| first.message);
        let Some(Message::Start(v1::WriteFileStart { session, path })) = first else {
            return Err(Refusal::invalid("start", "must be the first message").into());
        };
        let session = self.place(&caller, session, &path).await?;
        let most = session.terms.limits.file_bytes.unwrap_or(u64::MAX);
        let mut content = Vec::new();
        while let Some(piece) = pieces.next().await.transpose()? {
            match piece.message {
                Some(Message::Data(data)) => content.extend_from_slice(&data),
                Some(Message::Start(_)) => {
                    return Err(Refusal::invalid("start", "must be the first message only").into());
                }
                None => return Err(Refusal::invalid("message", "is required").into()),
            }
            if content.len() as u64 > most {
                return Err(Refusal::FilesFull { path, max_bytes: most }.into());
            }
        }
        let answer = self.errand(&session, FileWork::Write { path: path.clone(), content }).await?;
        audit::did(&caller, "file.write", &session.name);
        Ok(Response::new(v1::WriteFileResponse { file: one(path, &answer) }))
    }

    type ReadFileStream = ReceiverStream<Result<v1::ReadFileResponse, Status>>;

    async fn read_file(&self, request: Request<v1::ReadFileRequest>) -> Result<Response<Self::ReadFileStream>, Status> {
        let caller = caller(&request)?;
        let v1::ReadFileRequest { session, path, offset, length } = request.into_inner();
        let number = |n: i64, field: &str| u64::try_from(n).map_err(|_| Refusal::invalid(field, "is negative"));
        let (at, length) = (number(offset, "offset")?, number(length, "length")?);
        let session = self.place(&caller, session, &path).await?;
        let end = if length == 0 { u64::MAX } else { at.saturating_add(length) };
        let read = |at: u64| FileWork::Read { path: path.clone(), at, most: PIECE.min(end.saturating_sub(at)) };
        // What cannot be read is refused before anything is sent.
        let first = self.errand(&session, read(at)).await?;
        let (sender, receiver) = mpsc::channel(2);
        let api = self.clone();
        tokio::spawn(async move {
            let begun = first.entries.first().cloned().unwrap_or_default();
            let mut answer = Ok(first);
            let mut shown = Some(file(path.clone(), &begun));
            let mut at = at;
            loop {
                let data = match answer {
                    Ok(FileAnswer { data, entries }) if entries.first() == Some(&begun) => data,
                    Ok(_) => return drop(sender.send(Err(Refusal::FileChanged { path }.into())).await),
                    Err(refusal) => return drop(sender.send(Err(Refusal::into(refusal))).await),
                };
                let (offset, size) = (i64::try_from(at).unwrap_or(i64::MAX), data.len() as u64);
                if size == 0 && shown.is_none() {
                    return;
                }
                if sender.send(Ok(v1::ReadFileResponse { offset, data, file: shown.take() })).await.is_err() {
                    return;
                }
                at += size;
                if size == 0 || at >= end || at >= begun.size {
                    return;
                }
                let work = FileWork::Read { path: path.clone(), at, most: PIECE.min(end - at) };
                answer = api.errand(&session, work).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn stat_file(&self, request: Request<v1::StatFileRequest>) -> Result<Response<v1::StatFileResponse>, Status> {
        let caller = caller(&request)?;
        let v1::StatFileRequest { session, path } = request.into_inner();
        let session = self.place(&caller, session, &path).await?;
        let answer = self.errand(&session, FileWork::Stat { path: path.clone() }).await?;
        Ok(Response::new(v1::StatFileResponse { file: one(path, &answer) }))
    }

    async fn list_files(
        &self,
        request: Request<v1::ListFilesRequest>,
    ) -> Result<Response<v1::ListFilesResponse>, Status> {
        let caller = caller(&request)?;
        let v1::ListFilesRequest { session, path, page_size, page_token } = request.into_inner();
        let path = if path.is_empty() { ".".to_owned() } else { path };
        let most = page::page_size_of(page_size)?;
        let session = self.place(&caller, session, &path).await?;
        let answer = self.errand(&session, FileWork::List { path: path.clone() }).await?;
        let mut rest = answer.entries.iter().filter(|entry| entry.name > page_token);
        let full = |name: &str| format!("{}/{name}", path.trim_end_matches('/'));
        let page: Vec<_> = rest.by_ref().take(most).collect();
        let more = rest.next().is_some();
        let next = page::next(page.last().map(|entry| entry.name.as_str()), more);
        let files = page.into_iter().map(|entry| file(full(&entry.name), entry)).collect();
        Ok(Response::new(v1::ListFilesResponse { files, next_page_token: next }))
    }

    async fn delete_file(
        &self,
        request: Request<v1::DeleteFileRequest>,
    ) -> Result<Response<v1::DeleteFileResponse>, Status> {
        let caller = caller(&request)?;
        let v1::DeleteFileRequest { session, path } = request.into_inner();
        let session = self.place(&caller, session, &path).await?;
        self.errand(&session, FileWork::Delete { path }).await?;
        audit::did(&caller, "file.delete", &session.name);
        Ok(Response::new(v1::DeleteFileResponse {}))
    }
}
