//! A template: an isolate that has run its warm-up, of which everything that begins from it is a copy.

use typhon_proto::v1;

use crate::client::Client;
use crate::error::Error;
use crate::program::Program;
use crate::retry::uuid;
use crate::run::Run;
use crate::session::Session;

#[derive(Clone, Debug)]
pub struct Template {
    client: Client,
    name: String,
    affinity: String,
}

impl Template {
    pub(crate) fn new(client: Client, name: String, affinity: String) -> Template {
        Template { client, name, affinity }
    }

    pub(crate) async fn create(
        client: Client,
        asked: v1::Template,
        warm_up: v1::Source,
    ) -> Result<Result<Template, Box<v1::ExecuteResponse>>, Error> {
        let (templates, affinity) = (client.connection.templates(), uuid());
        let message = v1::CreateTemplateRequest { template: Some(asked), source: Some(warm_up) };
        let method = |request| {
            let mut templates = templates.clone();
            async move { templates.create_template(request).await }
        };
        // The second time there would be two.
        let answer = client.call(false, message, &affinity, method).await?;
        Ok(match answer.template {
            Some(made) => Ok(Template::new(client, made.name, affinity)),
            None => Err(Box::new(answer.response.unwrap_or_default())),
        })
    }

    /// templates/{id}
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a proxy finds the template's server by.
    pub fn affinity(&self) -> &str {
        &self.affinity
    }

    /// Creates a session that begins as a copy, and that [`Session::reset`] brings back to that.
    pub async fn session(&self, session: v1::Session) -> Result<Session, Error> {
        let session = v1::Session { template: self.name.clone(), ..session };
        self.client.session_at(session, self.affinity.clone()).await
    }

    /// Runs one program in a copy.
    pub fn stream(&self, program: impl Into<Program>) -> Run {
        self.client.stream_to(program.into().copying(&self.name), self.affinity.clone())
    }

    /// What the server says of it.
    pub async fn get(&self) -> Result<v1::Template, Error> {
        let templates = self.client.connection.templates();
        let message = v1::GetTemplateRequest { name: self.name.clone() };
        let method = |request| {
            let mut templates = templates.clone();
            async move { templates.get_template(request).await }
        };
        let answer = self.client.call(true, message, &self.affinity, method).await?;
        Ok(answer.template.unwrap_or_default())
    }

    /// Nothing begins from it any more. What has begun stays.
    pub async fn delete(self) -> Result<(), Error> {
        let templates = self.client.connection.templates();
        let message = v1::DeleteTemplateRequest { name: self.name.clone() };
        let method = |request| {
            let mut templates = templates.clone();
            async move { templates.delete_template(request).await }
        };
        self.client.call(true, message, &self.affinity, method).await.map(drop)
    }
}
