//! `ProgramService`: programs to the wire and from it.

use std::time::Instant;

use tonic::{Request, Response, Status};
use typhon_proto::v1;
use typhon_proto::v1::program_service_server::ProgramService;

use super::request::{self, Way};
use super::response::signed;
use super::{Api, deadline, page};
use crate::audit;
use crate::error::Refusal;
use crate::identity::Caller;
use crate::identity::layer::caller;
use crate::programs::Program;

const NAME: &str = "programs/";

impl Api {
    /// What compiling the source comes to, on a worker and under limits as any execution's.
    async fn compile(
        &self,
        caller: &Caller,
        source: Option<v1::Source>,
        deadline: Option<Instant>,
    ) -> Result<(v1::Source, v1::Outcome), Refusal> {
        let source = source.ok_or_else(|| Refusal::invalid("source", "is required"))?;
        let code = Some(v1::execute_request::Code::Source(source.clone()));
        let wanted = v1::ExecuteRequest { code, validate_only: true, ..v1::ExecuteRequest::default() };
        let wanted = request::decode(wanted, Way::Unary)?;
        let ended = self.admission.run(caller, wanted, deadline).await?;
        let outcome = ended.outcome.unwrap_or_default();
        Ok((source, outcome))
    }
}

#[tonic::async_trait]
impl ProgramService for Api {
    async fn create_program(
        &self,
        request: Request<v1::CreateProgramRequest>,
    ) -> Result<Response<v1::CreateProgramResponse>, Status> {
        let (caller, deadline) = (caller(&request)?, deadline(&request));
        let (source, outcome) = self.compile(&caller, request.into_inner().source, deadline).await?;
        if outcome.reason() != v1::TerminationReason::Completed {
            return Ok(Response::new(v1::CreateProgramResponse { program: None, outcome: Some(outcome) }));
        }
        let filename = request::filename(source.filename);
        let program = self.admission.programs().create(&caller.tenant, source.text, filename)?;
        audit::did(&caller, "program.create", &program.name);
        Ok(Response::new(v1::CreateProgramResponse { program: Some(wire(&program)), outcome: Some(outcome) }))
    }

    async fn get_program(
        &self,
        request: Request<v1::GetProgramRequest>,
    ) -> Result<Response<v1::GetProgramResponse>, Status> {
        let tenant = caller(&request)?.tenant;
        let name = page::named(request.into_inner().name, NAME)?;
        let program = self.admission.programs().find(&tenant, &name)?;
        Ok(Response::new(v1::GetProgramResponse { program: Some(wire(&program)) }))
    }

    async fn list_programs(
        &self,
        request: Request<v1::ListProgramsRequest>,
    ) -> Result<Response<v1::ListProgramsResponse>, Status> {
        let tenant = caller(&request)?.tenant;
        let v1::ListProgramsRequest { page_size, page_token } = request.into_inner();
        let most = page::page_size_of(page_size)?;
        page::token(&page_token, NAME)?;
        let (programs, more) = self.admission.programs().list(&tenant, &page_token, most);
        let next_page_token = page::next(programs.last().map(|last| last.name.as_str()), more);
        let programs = programs.iter().map(|program| wire(program)).collect();
        Ok(Response::new(v1::ListProgramsResponse { programs, next_page_token }))
    }

    async fn delete_program(
        &self,
        request: Request<v1::DeleteProgramRequest>,
    ) -> Result<Response<v1::DeleteProgramResponse>, Status> {
        let caller = caller(&request)?;
        let name = page::named(request.into_inner().name, NAME)?;
        self.admission.programs().delete(&caller.tenant, &name)?;
        audit::did(&caller, "program.delete", &name);
        Ok(Response::new(v1::DeleteProgramResponse {}))
    }

    async fn check_source(
        &self,
        request: Request<v1::CheckSourceRequest>,
    ) -> Result<Response<v1::CheckSourceResponse>, Status> {
        let (caller, deadline) = (caller(&request)?, deadline(&request));
        let (_, outcome) = self.compile(&caller, request.into_inner().source, deadline).await?;
        Ok(Response::new(v1::CheckSourceResponse { outcome: Some(outcome) }))
    }
}

fn wire(program: &Program) -> v1::Program {
    let uses = program.uses();
    v1::Program {
        name: program.name.clone(),
        filename: program.filename.clone(),
        source_bytes: signed(program.source.len() as u64),
        create_time: Some(program.created.into()),
        last_use_time: uses.last.map(Into::into),
        use_count: signed(uses.count),
    }
}
