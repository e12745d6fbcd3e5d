//! The files of a session.

use tokio_stream::StreamExt;
use typhon_proto::v1;
use typhon_proto::v1::write_file_request::Message;

use crate::connection::bound;
use crate::error::Error;
use crate::session::Session;

/// A message of a file holds no more.
const PIECE: usize = 64 << 10;

/// Paths that do not begin with `/` begin where the session's programs do. The session must be at rest.
impl Session {
    /// Writes a file, with the folders that lead to it, over what is there.
    pub async fn write_file(&self, path: impl Into<String>, data: &[u8]) -> Result<v1::File, Error> {
        let start = Message::Start(v1::WriteFileStart { session: self.name().to_owned(), path: path.into() });
        let pieces = data.chunks(PIECE).map(|piece| Message::Data(piece.to_vec()));
        let pieces: Vec<_> = std::iter::once(start).chain(pieces).collect();
        let pieces = tokio_stream::iter(pieces).map(|piece| v1::WriteFileRequest { message: Some(piece) });
        let answer = self.client().connection.files().write_file(bound(pieces, self.affinity())).await?;
        Ok(answer.into_inner().file.unwrap_or_default())
    }

    /// All of a file.
    pub async fn read_file(&self, path: impl Into<String>) -> Result<Vec<u8>, Error> {
        let message = v1::ReadFileRequest {
            session: self.name().to_owned(),
            path: path.into(),
            ..v1::ReadFileRequest::default()
        };
        let answer = self.client().connection.files().read_file(bound(message, self.affinity())).await?;
        let (mut pieces, mut data) = (answer.into_inner(), Vec::new());
        while let Some(piece) = pieces.message().await? {
            data.extend(piece.data);
        }
        Ok(data)
    }

    pub async fn stat_file(&self, path: impl Into<String>) -> Result<v1::File, Error> {
        let files = self.client().connection.files();
        let message = v1::StatFileRequest { session: self.name().to_owned(), path: path.into() };
        let method = |request| {
            let mut files = files.clone();
            async move { files.stat_file(request).await }
        };
        let answer = self.client().call(true, message, self.affinity(), method).await?;
        Ok(answer.file.unwrap_or_default())
    }

    /// What a folder holds, in the order of names; an empty path is where programs begin.
    pub async fn list_files(&self, path: impl Into<String>) -> Result<Vec<v1::File>, Error> {
        let files = self.client().connection.files();
        let session = self.name().to_owned();
        let mut message = v1::ListFilesRequest { session, path: path.into(), ..v1::ListFilesRequest::default() };
        let mut all = Vec::new();
        loop {
            let method = |request| {
                let mut files = files.clone();
                async move { files.list_files(request).await }
            };
            let answer = self.client().call(true, message.clone(), self.affinity(), method).await?;
            all.extend(answer.files);
            message.page_token = answer.next_page_token;
            if message.page_token.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Takes away a file, or an empty folder.
    pub async fn delete_file(&self, path: impl Into<String>) -> Result<(), Error> {
        let files = self.client().connection.files();
        let message = v1::DeleteFileRequest { session: self.name().to_owned(), path: path.into() };
        let method = |request| {
            let mut files = files.clone();
            async move { files.delete_file(request).await }
        };
        // The second time it would not be there.
        self.client().call(false, message, self.affinity(), method).await.map(drop)
    }
}
