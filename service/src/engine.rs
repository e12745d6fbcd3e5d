//! What runs a program: the virtual machine, or a script in its place.

use std::path::PathBuf;
use std::sync::Arc;

use typhon_jit::Process;
use typhon_vm::{Cancel, Library, Request, Resident, Response, Run, Tiers};

use crate::config::Bytes;
use crate::library::Shelves;

/// What runs a program. The VM is the one that counts; tests put a scripted one in its place.
pub trait Engine: Send + Sync + 'static {
    fn execute(&self, request: &Request, host: &dyn typhon_vm::Host, cancel: &Cancel) -> Response;

    /// An isolate that lives on between executions, made as `request`'s argv, environment and limits say.
    fn open(&self, request: &Request) -> Box<dyn Isolate>;

    /// What was compiled lately, for all tenants.
    fn shelves(&self) -> Option<Arc<Shelves>> {
        None
    }

    /// Where a tenant's source is looked for before it is compiled.
    fn library(&self, tenant: &Arc<str>) -> Option<Arc<dyn Library>> {
        self.shelves().map(|shelves| shelves.of(tenant))
    }

    /// What compiles the guests' loops, for all of them.
    fn compiler(&self) -> Option<Process> {
        None
    }

    /// The program whose `worker` command is a worker process with this engine, if there is one.
    fn worker_program(&self) -> Option<PathBuf> {
        None
    }
}

/// An isolate that lives on between executions, whichever worker runs them.
pub trait Isolate: Send {
    fn execute(&mut self, request: &Request, host: Arc<dyn typhon_vm::Host>, cancel: &Cancel) -> Run;

    /// As [`Isolate::execute`], and then ends the isolate as a program's end does.
    fn finish(&mut self, request: &Request, host: Arc<dyn typhon_vm::Host>, cancel: &Cancel) -> Run {
        self.execute(request, host, cancel)
    }

    /// This process is a copy of the one that ran in it last.
    fn copied(&mut self) {}

    /// Does before anybody waits what a first execution would do at its beginning. Whether anything can run in it.
    fn prepare(&mut self) -> bool {
        true
    }
}

impl Isolate for Resident {
    fn finish(&mut self, request: &Request, host: Arc<dyn typhon_vm::Host>, cancel: &Cancel) -> Run {
        Resident::finish(self, request, host, cancel)
    }

    fn copied(&mut self) {
        Resident::copied(self);
    }

    fn prepare(&mut self) -> bool {
        Resident::prepare(self)
    }

    fn execute(&mut self, request: &Request, host: Arc<dyn typhon_vm::Host>, cancel: &Cancel) -> Run {
        Resident::execute(self, request, host, cancel)
    }
}

/// The virtual machine.
#[derive(Default)]
pub struct Vm {
    /// What compiles hot loops, if anything does.
    pub compiler: Option<Process>,
    /// The program that worker processes run; without it, there are none.
    pub worker: Option<PathBuf>,
    /// What was compiled lately; nothing is kept unless somebody asks for it.
    pub shelves: Option<Arc<Shelves>>,
}

impl Vm {
    /// With a compiler, if there is to be one, and so much room for compiled source.
    pub fn new(compiler: Option<Process>, compiled_bytes_max: Bytes) -> Vm {
        let room = compiled_bytes_max.as_usize();
        Vm { compiler, worker: None, shelves: (room > 0).then(|| Shelves::new(room)) }
    }

    /// With worker processes, which run this program.
    pub fn with_workers(self, program: PathBuf) -> Vm {
        Vm { worker: Some(program), ..self }
    }
}

impl Engine for Vm {
    fn execute(&self, request: &Request, host: &dyn typhon_vm::Host, cancel: &Cancel) -> Response {
        typhon_vm::execute(request, host, cancel)
    }

    fn open(&self, request: &Request) -> Box<dyn Isolate> {
        let tiers = self.compiler.clone().map(|compiler| Arc::new(compiler) as Arc<dyn Tiers>);
        Box::new(Resident::open(request, tiers))
    }

    fn compiler(&self) -> Option<Process> {
        self.compiler.clone()
    }

    fn worker_program(&self) -> Option<PathBuf> {
        self.worker.clone()
    }

    fn shelves(&self) -> Option<Arc<Shelves>> {
        self.shelves.clone()
    }
}
