//! Templates: warmed isolates that are copied for each use, and the registry of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use crossbeam::channel::{Sender, unbounded};
use parking_lot::{Mutex, RwLock};
use typhon_vm::Limits;

use crate::config::Config;
use crate::error::Refusal;
use crate::identity::Tenant;
use crate::limits;
use crate::place::Places;
use crate::process::Resident;
use crate::session::{Session, Terms};
use crate::workers::Workers;

pub struct Template {
    pub name: String,
    pub tenant: Arc<Tenant>,
    pub terms: Terms,
    pub created: SystemTime,
    pub heap_bytes: u64,
    /// Nothing runs in it any more.
    origin: Resident,
    state: Mutex<State>,
    /// What it holds, as other servers can begin from it: made when it is wanted, or why it cannot be.
    image: Mutex<Option<Result<Arc<[u8]>, Refusal>>>,
    refill: Sender<Arc<Template>>,
}

#[derive(Default)]
struct State {
    /// Copies that nobody uses yet.
    ready: Vec<Resident>,
    uses: u64,
}

pub struct Templates {
    config: Arc<Config>,
    /// By name, so that a list has an order that pages can follow.
    all: RwLock<BTreeMap<String, Arc<Template>>>,
    refill: Sender<Arc<Template>>,
}

impl Template {
    /// A copy, for one execution or one session.
    pub fn copy(self: &Arc<Template>, places: &Places) -> Result<Resident, Cow<'static, str>> {
        let ready = {
            let mut state = self.state.lock();
            state.uses += 1;
            state.ready.pop()
        };
        // The thread that makes copies is there as long as the registry is.
        let _asked = self.refill.send(self.clone());
        match ready.filter(|copy| copy.worker.death().is_none()) {
            Some(copy) => Ok(copy),
            None => self.make(places),
        }
    }

    /// For one execution that begins as a copy: a session that has no name, and ends with it.
    pub fn session(self: &Arc<Template>) -> Arc<Session> {
        let mut terms = Terms { kept: self.terms.kept.begun(), ..self.terms.clone() };
        terms.place.template = Some(self.clone());
        Arc::new(Session::new(String::new(), self.tenant.clone(), terms, 0))
    }

    /// What it holds, which `make` makes an image of. Who comes meanwhile waits for that.
    pub fn image(&self, make: impl FnOnce() -> Result<Arc<[u8]>, Refusal>) -> Result<Arc<[u8]>, Refusal> {
        self.image.lock().get_or_insert_with(make).clone()
    }

    /// A copy that has touched already what every program touches, and has done what a copy does first.
    fn make(&self, places: &Places) -> Result<Resident, Cow<'static, str>> {
        let copy = self.origin.copy().map_err(|error| match self.failure() {
            Some(why) => why,
            None => Cow::Owned(format!("its process made no copy: {error}")),
        })?;
        let ran = places.prepare(&copy, String::new(), self.terms.limits.clone());
        ran.map_err(|why| Cow::Owned(format!("a copy of its process ran nothing: {why}")))?;
        Ok(copy)
    }

    /// Why nothing can start from it any more.
    pub fn failure(&self) -> Option<Cow<'static, str>> {
        self.origin.worker.death().map(|how| Cow::Owned(format!("its process is gone: {how}")))
    }

    pub fn uses(&self) -> u64 {
        self.state.lock().uses
    }

    fn fill(&self, spare: usize, places: &Places) {
        while self.state.lock().ready.len() < spare {
            match self.make(places) {
                Ok(copy) => self.state.lock().ready.push(copy),
                Err(why) => {
                    tracing::warn!(template = %self.name, %why, "no copy of a template");
                    return;
                }
            }
        }
    }
}

impl Templates {
    pub fn start(config: Arc<Config>, workers: &Arc<Workers>) -> std::io::Result<Templates> {
        // The workers may be gone before the last copy of a template is.
        let workers = Arc::downgrade(workers);
        let (refill, wanted) = unbounded::<Arc<Template>>();
        let spare = config.template_copies_spare as usize;
        std::thread::Builder::new().name("typhon-templates".into()).spawn(move || {
            wanted.into_iter().for_each(|template| {
                // Nobody else has it: it was deleted.
                if Arc::strong_count(&template) > 1
                    && let Some(workers) = workers.upgrade()
                {
                    template.fill(spare, workers.places());
                }
            });
        })?;
        Ok(Templates { config, all: RwLock::default(), refill })
    }

    /// Whether there is room for one more.
    pub fn room(&self) -> Result<(), Refusal> {
        let max = self.config.templates_max;
        if self.all.read().len() >= max as usize { Err(Refusal::TooManyTemplates { max }) } else { Ok(()) }
    }

    /// Imports what many programs want, and lets them begin as copies of that.
    pub fn preload(self: &Arc<Templates>, workers: &Arc<Workers>) -> std::io::Result<()> {
        let modules: Vec<&str> = self.config.preload.split_whitespace().collect();
        if modules.is_empty() || !workers.places().has_processes() {
            return Ok(());
        }
        let source = format!("for name in {modules:?}: __import__(name)\ndel name");
        let (templates, workers) = (self.clone(), workers.clone());
        std::thread::Builder::new().name("typhon-preload".into()).spawn(move || {
            let limits = limits::derive(&Limits::default(), &templates.config);
            let places = workers.places();
            let made = places.apart().map_err(|refusal| refusal.reason().to_owned()).and_then(|origin| {
                let heap_bytes = places.prepare(&origin, source, limits.clone())?;
                Ok((origin, heap_bytes))
            });
            match made {
                Ok((origin, heap_bytes)) => {
                    let terms = Terms::plain(limits, &templates.config);
                    let base = templates.made("preload".to_owned(), Tenant::new("preload"), terms, origin, heap_bytes);
                    let _asked = templates.refill.send(base.clone());
                    places.begin_from(base);
                }
                Err(why) => tracing::warn!(%why, "cannot preload modules"),
            }
        })?;
        Ok(())
    }

    fn made(
        &self,
        name: String,
        tenant: Arc<Tenant>,
        terms: Terms,
        origin: Resident,
        heap_bytes: u64,
    ) -> Arc<Template> {
        Arc::new(Template {
            name,
            tenant,
            terms,
            created: SystemTime::now(),
            heap_bytes,
            origin,
            state: Mutex::default(),
            image: Mutex::default(),
            refill: self.refill.clone(),
        })
    }

    /// Of an isolate that has run the warm-up.
    pub fn add(
        &self,
        tenant: Arc<Tenant>,
        terms: Terms,
        origin: Resident,
        heap_bytes: u64,
    ) -> Result<Arc<Template>, Refusal> {
        let random = || getrandom::u64().map_err(|e| Refusal::Internal { what: format!("no entropy: {e}") });
        let name = format!("templates/{:016x}{:016x}", random()?, random()?);
        let template = self.made(name.clone(), tenant, terms, origin, heap_bytes);
        self.room()?;
        self.all.write().insert(name, template.clone());
        let _asked = self.refill.send(template.clone());
        Ok(template)
    }

    /// The tenant's template of this name. Another tenant's is not there, as far as anybody can tell.
    pub fn find(&self, tenant: &Tenant, name: &str) -> Result<Arc<Template>, Refusal> {
        let found = self.all.read().get(name).filter(|template| template.tenant.name == tenant.name).cloned();
        found.ok_or_else(|| Refusal::TemplateNotFound { name: name.to_owned() })
    }

    /// At most `most` of the tenant's templates whose names come after `after`, and whether there are more.
    pub fn list(&self, tenant: &Tenant, after: &str, most: usize) -> (Vec<Arc<Template>>, bool) {
        use std::ops::Bound::{Excluded, Unbounded};
        let all = self.all.read();
        let rest = all.range::<str, _>((Excluded(after), Unbounded)).map(|(_, template)| template);
        let mut rest = rest.filter(|template| template.tenant.name == tenant.name);
        let page = rest.by_ref().take(most).cloned().collect();
        (page, rest.next().is_some())
    }

    pub fn delete(&self, tenant: &Tenant, name: &str) -> Result<(), Refusal> {
        let template = self.find(tenant, name)?;
        self.all.write().remove(name);
        let ready = std::mem::take(&mut template.state.lock().ready);
        drop(ready);
        Ok(())
    }

    /// Ends all of them.
    pub fn clear(&self) {
        let all = std::mem::take(&mut *self.all.write());
        drop(all);
    }
}
