//! The text that is searched: a str of any width, or the memory of a bytes-like object.

use std::ops::ControlFlow;
use typhon_object::buffer::{self, Buffer};
use typhon_object::error::{self, Exc, Res};
use typhon_object::strs::{self, Str, StrBuilder, Units};
use typhon_object::types::bytes;
use typhon_object::{Thread, Value, process, type_of};
use typhon_sre::{Budget, MatchError, Subject};

/// A subject, held in place while it is searched.
pub(super) enum Text {
    /// A str.
    Str(Value),
    /// Bytes, with the object they came from.
    Bytes(Buffer, Value),
}

impl Text {
    /// The text of `v`; TypeError if it has none.
    pub(super) fn of(t: &Thread, v: &Value) -> Res<Self> {
        if v.downcast::<Str>().is_some() {
            return Ok(Self::Str(v.clone()));
        }
        if !buffer::supported(v) {
            let name = type_of(v).name();
            return Err(error::type_error(t, format_args!("expected string or bytes-like object, got '{name}'")));
        }
        Ok(Self::Bytes(buffer::get(t, v, buffer::SIMPLE)?, v.clone()))
    }

    /// What the engine sees.
    pub(super) fn subject(&self) -> Subject<'_> {
        match self {
            Self::Str(v) => match v.expect::<Str>().units() {
                Units::Latin1(s) => Subject::One(s),
                Units::Ucs2(s) => Subject::Two(s),
                Units::Ucs4(s) => Subject::Four(s),
            },
            Self::Bytes(b, _) => Subject::One(b.as_slice()),
        }
    }

    /// Length in characters or bytes.
    pub(super) fn len(&self) -> usize {
        self.subject().len()
    }

    /// Whether it is bytes.
    pub(super) fn is_bytes(&self) -> bool {
        matches!(self, Self::Bytes(..))
    }

    /// The object that was given.
    pub(super) fn string(&self) -> &Value {
        match self {
            Self::Str(v) | Self::Bytes(_, v) => v,
        }
    }

    /// A part of it as a str or bytes; bounds behind the end are cut.
    pub(super) fn slice(&self, t: &Thread, from: usize, to: usize) -> Res {
        let n = self.len();
        let (from, to) = (from.min(n), to.min(n).max(from.min(n)));
        match self {
            Self::Str(v) => strs::substring(t, v, from, to),
            Self::Bytes(b, v) if to - from == n && v.exact::<bytes::Bytes>().is_some() => {
                debug_assert_eq!(b.as_slice().len(), n);
                Ok(v.clone())
            }
            Self::Bytes(b, _) => bytes::new(t, b.as_slice().get(from..to).unwrap_or_default()),
        }
    }

    /// No text, of the same kind.
    pub(super) fn empty(&self, t: &Thread) -> Res {
        match self {
            Self::Str(_) => Ok(process::empty_str().clone()),
            Self::Bytes(..) => bytes::new(t, b""),
        }
    }
}

/// Text of the subject's kind under construction.
pub(super) enum Out {
    /// A str.
    Str(StrBuilder),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Out {
    /// Empty, of the kind of `text`.
    pub(super) fn new(text: &Text) -> Self {
        if text.is_bytes() { Self::Bytes(Vec::new()) } else { Self::Str(StrBuilder::new()) }
    }

    /// Appends a part of the subject.
    pub(super) fn push(&mut self, t: &Thread, text: &Text, from: usize, to: usize) -> Res<()> {
        match (self, text) {
            (Self::Str(out), Text::Str(v)) => {
                t.check_alloc((to - from) * 4)?;
                out.push_units(v.expect::<Str>().units().slice(from, to));
            }
            (Self::Bytes(out), Text::Bytes(b, _)) => {
                t.check_alloc(to - from)?;
                out.extend_from_slice(b.as_slice().get(from..to).unwrap_or_default());
            }
            _ => {}
        }
        Ok(())
    }

    /// Appends a literal; false if it is of another kind.
    pub(super) fn push_value(&mut self, v: &Value) -> bool {
        match self {
            Self::Str(out) => v.downcast::<Str>().map(|s| out.push_value(s)).is_some(),
            Self::Bytes(out) => bytes::peek(v).map(|b| out.extend_from_slice(b)).is_some(),
        }
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Str(out) => out.len() * if out.is_wide() { 4 } else { 1 },
            Self::Bytes(out) => out.len(),
        }
    }

    /// The finished object.
    pub(super) fn finish(self, t: &Thread) -> Res {
        match self {
            Self::Str(out) => out.finish(t),
            Self::Bytes(out) => bytes::from_vec(t, out),
        }
    }
}

/// The engine's budget: the thread's polls and heap account.
pub(super) struct Account<'t> {
    t: &'t Thread,
    raised: Option<Exc>,
}

impl<'t> Account<'t> {
    /// An account of a thread.
    pub(super) fn new(t: &'t Thread) -> Self {
        Self { t, raised: None }
    }

    /// The exception for a match that ended without an answer.
    pub(super) fn exception(&mut self, e: MatchError) -> Exc {
        match (e, self.raised.take()) {
            (_, Some(raised)) => raised,
            (MatchError::Interrupted, None) => Exc::stopped(),
            (MatchError::Memory, None) => self.t.memory_error(),
        }
    }
}

impl Budget for Account<'_> {
    fn poll(&mut self, _steps: u32) -> ControlFlow<()> {
        match self.t.poll() {
            Ok(()) => ControlFlow::Continue(()),
            Err(e) => {
                self.raised = Some(e);
                ControlFlow::Break(())
            }
        }
    }

    fn charge(&mut self, bytes: usize) -> ControlFlow<()> {
        match self.t.heap().charge(bytes) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => {
                self.raised = Some(self.t.memory_error());
                ControlFlow::Break(())
            }
        }
    }

    fn release(&mut self, bytes: usize) {
        self.t.heap().uncharge(bytes);
    }
}
