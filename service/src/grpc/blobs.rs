//! Blobs: files of sessions that a request names, instead of bringing their content along.

use prost::Message;
use typhon_proto::v1;
use typhon_proto::v1::input_file::Data;
use typhon_vm::FileWork;

use super::Api;
use super::files::file_path;
use crate::error::Refusal;
use crate::identity::Caller;

/// So many may one request name.
const MOST: usize = 64;
const FORM: &str = "is not of the form sessions/{id}/{path}";

impl Api {
    /// The request with the content of its blobs, as they are now.
    pub async fn with_blobs(
        &self,
        caller: &Caller,
        mut request: v1::ExecuteRequest,
    ) -> Result<v1::ExecuteRequest, Refusal> {
        let named = request.files.iter().filter(|file| matches!(file.data, Some(Data::Blob(_)))).count();
        if named == 0 {
            return Ok(request);
        }
        if named > MOST {
            return Err(Refusal::invalid("files", format!("has more than {MOST} blobs")));
        }
        // What a worker process takes in one message, and no more than a program's files may be.
        let config = &self.admission.config;
        let message = config.max_message.max(config.snapshot_max).0.saturating_sub(request.encoded_len() as u64);
        let most = config.file_bytes_max.0.min(message);
        let mut left = most;
        for (index, file) in request.files.iter_mut().enumerate() {
            let Some(Data::Blob(name)) = &file.data else { continue };
            let content = self.blob(caller, name, &format!("files[{index}].blob"), left).await?;
            let content = content.ok_or(Refusal::PayloadTooLarge { max_bytes: most })?;
            left = left.saturating_sub(content.len() as u64);
            file.data = Some(Data::Content(content));
        }
        Ok(request)
    }

    /// What a file of a session at rest holds; nothing where that is more than `most`.
    async fn blob(&self, caller: &Caller, name: &str, field: &str, most: u64) -> Result<Option<Vec<u8>>, Refusal> {
        let id_and_path = name.strip_prefix("sessions/").and_then(|rest| rest.split_once('/'));
        let Some((id, path)) = id_and_path.filter(|(id, path)| !id.is_empty() && !path.is_empty()) else {
            return Err(Refusal::invalid(field, FORM));
        };
        file_path(path, field)?;
        let session = self.admission.session(&caller.tenant, &format!("sessions/{id}")).await?;
        let work = FileWork::Read { path: path.to_owned(), at: 0, most: most.saturating_add(1) };
        let answer = self.errand(&session, work).await?;
        Ok((answer.data.len() as u64 <= most).then_some(answer.data))
    }
}
