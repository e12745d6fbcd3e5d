//! Functions of this process that a program may call.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use typhon_proto::v1;
use typhon_proto::v1::interact_request::Message;

use crate::value::IntoValue;

/// A call by the program.
#[derive(Clone, Debug, Default)]
pub struct Call {
    pub args: Vec<v1::Value>,
    pub kwargs: HashMap<String, v1::Value>,
}

/// What a function raises: the name of a built-in exception class, or any other, and a message.
#[derive(Clone, Debug)]
pub struct Raise {
    pub kind: String,
    pub message: String,
}

impl Raise {
    pub fn new(kind: impl Into<String>, message: impl fmt::Display) -> Raise {
        Raise { kind: kind.into(), message: message.to_string() }
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<v1::Value, Raise>> + Send>>;
type Function = Arc<dyn Fn(Call) -> Answer + Send + Sync>;

/// What a program may call, by name.
#[derive(Clone, Default)]
pub struct Functions {
    all: HashMap<String, Function>,
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.all.keys()).finish()
    }
}

impl Functions {
    pub fn new() -> Functions {
        Functions::default()
    }

    /// Each call runs in a task of its own, which ends when the program gives the call up.
    pub fn add<F, A, V>(mut self, name: impl Into<String>, function: F) -> Functions
    where
        F: Fn(Call) -> A + Send + Sync + 'static,
        A: Future<Output = Result<V, Raise>> + Send + 'static,
        V: IntoValue,
    {
        let answer = move |call: Call| -> Answer {
            let answer = function(call);
            Box::pin(async { answer.await.map(V::into_value) })
        };
        self.all.insert(name.into(), Arc::new(answer));
        self
    }

    pub(crate) fn to_wire(&self) -> Vec<v1::HostFunction> {
        let mut names: Vec<_> = self.all.keys().cloned().collect();
        names.sort_unstable();
        names.into_iter().map(|name| v1::HostFunction { name, ..v1::HostFunction::default() }).collect()
    }
}

/// Our side of Interact: answers are sent as they come.
pub struct Conversation {
    functions: Functions,
    outgoing: mpsc::Sender<v1::InteractRequest>,
    open: HashMap<i64, AbortHandle>,
}

impl Conversation {
    pub fn new(functions: Functions, outgoing: mpsc::Sender<v1::InteractRequest>) -> Conversation {
        Conversation { functions, outgoing, open: HashMap::new() }
    }

    pub fn call(&mut self, call: v1::HostCall) {
        let (outgoing, function) = (self.outgoing.clone(), self.functions.all.get(&call.name).cloned());
        let v1::HostCall { call_id, name, args, kwargs } = call;
        let task = tokio::spawn(async move {
            let answer = match function {
                Some(function) => function(Call { args, kwargs }).await,
                None => Err(Raise::new("NameError", format!("there is no function {name}"))),
            };
            let result = match answer {
                Ok(value) => v1::host_result::Result::Value(value),
                Err(Raise { kind, message }) => {
                    v1::host_result::Result::Exception(v1::HostException { r#type: kind, message })
                }
            };
            let message = Message::HostResult(v1::HostResult { call_id, result: Some(result) }.into());
            // A program that has ended needs no answer.
            let _sent = outgoing.send(v1::InteractRequest { message: Some(message) }).await;
        });
        self.open.retain(|_, task| !task.is_finished());
        self.open.insert(call_id, task.abort_handle());
    }

    pub fn give_up(&mut self, call_id: i64) {
        if let Some(task) = self.open.remove(&call_id) {
            task.abort();
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.open.values().for_each(AbortHandle::abort);
    }
}
