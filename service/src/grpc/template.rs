//! `TemplateService`: templates to the wire and from it.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use typhon_proto::v1;
use typhon_proto::v1::template_service_server::TemplateService;

use super::session::terms;
use super::{Api, deadline, page, request, response};
use crate::audit;
use crate::error::Refusal;
use crate::identity::layer::caller;
use crate::job::Home;
use crate::limits;
use crate::place::Isolation;
use crate::session::Session;
use crate::templates::Template;
use request::Way;

const NAME: &str = "templates/";

#[tonic::async_trait]
impl TemplateService for Api {
    async fn create_template(
        &self,
        request: Request<v1::CreateTemplateRequest>,
    ) -> Result<Response<v1::CreateTemplateResponse>, Status> {
        let (caller, deadline) = (caller(&request)?, deadline(&request));
        let v1::CreateTemplateRequest { template, source } = request.into_inner();
        let v1::Template { limits, policy, env, labels, .. } = template.unwrap_or_default();
        let source = source.ok_or_else(|| Refusal::invalid("source", "is required"))?;
        let code = Some(v1::execute_request::Code::Source(source));
        let mut wanted = request::decode(v1::ExecuteRequest { code, ..v1::ExecuteRequest::default() }, Way::Unary)?;
        // What a template says is what a session says, but that it needs a process of its own.
        let policy = policy.unwrap_or_default();
        request::isolation(&policy).map_err(|refusal| request::at("template", refusal))?;
        let anywhere = v1::Policy { isolation: v1::IsolationLevel::Unspecified.into(), ..policy };
        let asked = v1::Session { limits, policy: Some(anywhere), env, labels, ..v1::Session::default() };
        let (config, places) = (&self.admission.config, self.admission.workers().places());
        let mut terms = terms(asked, &caller.tenant.name, config, places).map_err(renamed)?;
        if !places.has_processes() {
            return Err(Refusal::Unsupported { feature: "templates" }.into());
        }
        if terms.kept.world().network.is_some() {
            return Err(Refusal::Unsupported { feature: "network PROXY in a template" }.into());
        }
        terms.limits = limits::within_quota(terms.limits, &caller.tenant.quota());
        terms.place.isolation = Isolation::Dedicated;
        if let Some(policy) = &mut terms.policy {
            policy.isolation = v1::IsolationLevel::DedicatedProcess.into();
        }
        self.admission.templates()?.room()?;
        // Nobody else knows the session that runs it.
        let session = Arc::new(Session::new(String::new(), caller.tenant.clone(), terms.clone(), 0));
        wanted.made = Some(session.clone());
        let response = *self.admission.run(&caller, wanted, deadline).await?;
        let completed = response.outcome.as_ref().is_some_and(|o| o.reason() == v1::TerminationReason::Completed);
        let seen = session.see();
        let template = match session.take() {
            Some(Home::There(origin)) if completed && seen.threads == 0 => {
                let tenant = caller.tenant.clone();
                let template = self.admission.templates()?.add(tenant, terms, origin, seen.heap_bytes)?;
                audit::did(&caller, "template.create", &template.name);
                Some(wire(&template))
            }
            Some(_) if completed && seen.threads > 0 => {
                return Err(Refusal::NotForkable { name: "the warm-up".into(), why: THREADS.into() }.into());
            }
            _ => None,
        };
        Ok(Response::new(v1::CreateTemplateResponse { template, response: Some(response) }))
    }

    async fn get_template(
        &self,
        request: Request<v1::GetTemplateRequest>,
    ) -> Result<Response<v1::GetTemplateResponse>, Status> {
        let tenant = caller(&request)?.tenant;
        let template = self.admission.templates()?.find(&tenant, &page::named(request.into_inner().name, NAME)?)?;
        Ok(Response::new(v1::GetTemplateResponse { template: Some(wire(&template)) }))
    }

    async fn list_templates(
        &self,
        request: Request<v1::ListTemplatesRequest>,
    ) -> Result<Response<v1::ListTemplatesResponse>, Status> {
        let tenant = caller(&request)?.tenant;
        let v1::ListTemplatesRequest { page_size, page_token } = request.into_inner();
        let most = page::page_size_of(page_size)?;
        page::token(&page_token, NAME)?;
        let (found, more) = self.admission.templates()?.list(&tenant, &page_token, most);
        let next_page_token = page::next(found.last().map(|last| &*last.name), more);
        let templates = found.iter().map(|template| wire(template)).collect();
        Ok(Response::new(v1::ListTemplatesResponse { templates, next_page_token }))
    }

    async fn delete_template(
        &self,
        request: Request<v1::DeleteTemplateRequest>,
    ) -> Result<Response<v1::DeleteTemplateResponse>, Status> {
        let caller = caller(&request)?;
        let name = page::named(request.into_inner().name, NAME)?;
        self.admission.templates()?.delete(&caller.tenant, &name)?;
        audit::did(&caller, "template.delete", &name);
        Ok(Response::new(v1::DeleteTemplateResponse {}))
    }
}

/// Why what has threads is not copied.
pub const THREADS: &str = "threads besides its first have not ended, and a copy would not have them";

/// The fields of the session that a template is made by, as the client named them.
fn renamed(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Invalid(fields) => {
            let template = |field: String| field.replacen("session.", "template.", 1);
            Refusal::Invalid(fields.into_iter().map(|(field, problem)| (template(field), problem)).collect())
        }
        other => other,
    }
}

fn wire(template: &Template) -> v1::Template {
    let terms = &template.terms;
    v1::Template {
        name: template.name.clone(),
        limits: Some(response::limits(&terms.limits)),
        policy: terms.policy.clone(),
        env: terms.env.iter().cloned().collect(),
        labels: terms.labels.iter().cloned().collect(),
        create_time: Some(template.created.into()),
        heap_bytes: i64::try_from(template.heap_bytes).unwrap_or(i64::MAX),
        use_count: i64::try_from(template.uses()).unwrap_or(i64::MAX),
        failure: template.failure().unwrap_or_default().into_owned(),
    }
}
