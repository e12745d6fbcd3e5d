//! An execution that the server keeps.

use typhon_proto::v1;
use typhon_proto::v1::interrupt::Mode;

use crate::client::Client;
use crate::error::Error;
use crate::run::{End, Run};

#[derive(Clone, Debug)]
pub struct Execution {
    client: Client,
    name: String,
    affinity: String,
}

impl Execution {
    pub(crate) fn new(client: Client, name: String, affinity: String) -> Execution {
        Execution { client, name, affinity }
    }

    /// executions/{id}
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a proxy finds the execution's server by.
    pub fn affinity(&self) -> &str {
        &self.affinity
    }

    /// What the server says of it.
    pub async fn get(&self) -> Result<v1::Execution, Error> {
        let executions = self.client.connection.executions();
        let message = v1::GetExecutionRequest { name: self.name.clone() };
        let method = |request| {
            let mut executions = executions.clone();
            async move { executions.get_execution(request).await }
        };
        let answer = self.client.call(true, message, &self.affinity, method).await?;
        Ok(answer.execution.unwrap_or_default())
    }

    /// Its events after that number, those that were and those to come.
    pub fn attach(&self, after: i64) -> Run {
        Run::attach(self.client.clone(), self.name.clone(), after, self.affinity.clone())
    }

    /// Waits for its end.
    pub async fn end(&self) -> Result<End, Error> {
        self.attach(0).end().await
    }

    /// Stops it where it is.
    pub async fn cancel(&self) -> Result<(), Error> {
        self.stop(Mode::Stop).await
    }

    /// Raises KeyboardInterrupt in it.
    pub async fn interrupt(&self) -> Result<(), Error> {
        self.stop(Mode::Raise).await
    }

    async fn stop(&self, mode: Mode) -> Result<(), Error> {
        let executions = self.client.connection.executions();
        let message = v1::CancelExecutionRequest { name: self.name.clone(), mode: mode.into() };
        let method = |request| {
            let mut executions = executions.clone();
            async move { executions.cancel_execution(request).await }
        };
        self.client.call(true, message, &self.affinity, method).await.map(drop)
    }

    /// Stops it and forgets it.
    pub async fn delete(self) -> Result<(), Error> {
        let executions = self.client.connection.executions();
        let message = v1::DeleteExecutionRequest { name: self.name.clone() };
        let method = |request| {
            let mut executions = executions.clone();
            async move { executions.delete_execution(request).await }
        };
        self.client.call(true, message, &self.affinity, method).await.map(drop)
    }
}
