//! Core: the parser's state, and the tokens between which it changes.

use super::codes::Code;
use super::dtd::Dtd;
use super::handler::Handler;
use super::input::{Decoder, Found};
use super::lex::{self, Stop};
use super::name_table::{NameId, Names};
use super::object::{Listener, Parser};
use std::cell::RefCell;
use std::rc::Rc;
use typhon_object::error::Res;
use typhon_object::{Exc, Thread, Value, ops, strs};

/// Why parsing ends: the document's fault, or an exception.
pub(crate) enum Failure {
    /// An error at the current position.
    Xml(Code),
    /// From a handler or a limit.
    Raised(Exc),
}

impl From<Exc> for Failure {
    fn from(e: Exc) -> Self {
        Self::Raised(e)
    }
}

/// The result of parsing something.
pub(super) type Parsed<T = ()> = Result<T, Failure>;

/// Where in a document the parser is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// Before the root element.
    Prolog,
    /// Inside a document type declaration's brackets.
    Subset,
    /// After the brackets.
    SubsetEnd,
    Content,
    Cdata,
    /// After the root element.
    Epilog,
}

/// Text being parsed: the document's, or an entity's.
pub(super) struct Text {
    pub(super) text: Vec<u8>,
    pub(super) at: usize,
    /// The entity, and the elements open when it was entered.
    pub(super) entity: Option<(String, usize)>,
}

/// An open element.
pub(super) struct Open {
    /// As written.
    pub(super) raw: NameId,
    /// As reported.
    pub(super) name: Value,
    /// Namespace bindings when it began.
    pub(super) bindings: usize,
}

/// The state.
pub(super) struct Core<'a> {
    pub(super) t: &'a Thread,
    pub(super) parser: &'a Value,
    pub(super) listener: Option<(&'static Listener, Value)>,
    pub(super) saved: Saved,
}

/// What is kept between calls.
pub(super) struct Saved {
    pub(super) decoder: Decoder,
    pub(super) texts: Vec<Text>,
    pub(super) state: State,
    pub(super) open: Vec<Open>,
    pub(super) bindings: Vec<(String, Option<String>)>,
    pub(super) names: Names,
    /// Counts the changes of `bindings`.
    pub(super) namespaces: u64,
    pub(super) dtd: Rc<RefCell<Dtd>>,
    /// Line, column and byte index of the document's current position.
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) index: u64,
    /// Bytes that entities have expanded to.
    pub(super) expanded: usize,
    pub(super) external: bool,
    pub(super) finished: bool,
    pub(super) started: bool,
    /// Text already seen not to hold a whole token.
    pub(super) tried: usize,
}

impl Saved {
    /// A parser of a document, or (`external`) of an entity of one.
    pub(super) fn new(encoding: Option<String>, dtd: Rc<RefCell<Dtd>>, external: bool) -> Self {
        Self {
            decoder: Decoder::new(encoding),
            texts: vec![Text { text: Vec::new(), at: 0, entity: None }],
            state: if external { State::Content } else { State::Prolog },
            open: Vec::new(),
            bindings: Vec::new(),
            names: Names::default(),
            namespaces: 0,
            dtd,
            line: 1,
            column: 0,
            index: 0,
            expanded: 0,
            external,
            finished: false,
            started: false,
            tried: 0,
        }
    }
}

/// Expansion is not watched before so many bytes, and may not exceed the input so many times after.
const EXPANSION_FREE: usize = 8 << 20;
const EXPANSION_FACTOR: usize = 100;

/// Shorter tokens are counted byte by byte.
const SHORT: usize = 48;

impl Core<'_> {
    /// Parses more of the document.
    pub(super) fn feed(&mut self, data: &[u8], last: bool) -> Parsed {
        if self.saved.finished {
            return Err(Failure::Xml(Code::FINISHED));
        }
        let document = &mut self.saved.texts[0];
        // What has been parsed is not needed any more.
        document.text.drain(..document.at);
        document.at = 0;
        if let Found::UnknownEncoding = self.saved.decoder.feed(self.t, data, last, &mut document.text)? {
            return Err(Failure::Xml(Code::UNKNOWN_ENCODING));
        }
        let waiting = document.text.len();
        // Half a token is not read again for every byte that comes.
        let too_few = waiting < self.saved.tried.saturating_mul(2) && self.object().defers();
        if !last && too_few && !self.saved.decoder.broken {
            return Ok(());
        }
        self.saved.tried = 0;
        let before = self.saved.index;
        while self.step(last)? {
            self.t.poll()?;
        }
        if self.saved.index > before {
            // Only a token that has grown without getting whole is waited for.
            self.saved.tried = 0;
        }
        if self.saved.decoder.broken {
            return Err(Failure::Xml(Code::INVALID_TOKEN));
        }
        if last {
            self.saved.finished = true;
            return self.finish();
        }
        Ok(())
    }

    fn finish(&self) -> Parsed {
        let text = self.text();
        if text.at < text.text.len() {
            let cdata = self.saved.state == State::Cdata;
            return Err(Failure::Xml(if cdata { Code::UNCLOSED_CDATA_SECTION } else { Code::UNCLOSED_TOKEN }));
        }
        if self.saved.decoder.is_partial() {
            return Err(Failure::Xml(Code::PARTIAL_CHAR));
        }
        match self.saved.state {
            State::Epilog => Ok(()),
            State::Content if self.saved.external && self.saved.open.is_empty() => Ok(()),
            State::Cdata => Err(Failure::Xml(Code::UNCLOSED_CDATA_SECTION)),
            _ => Err(Failure::Xml(Code::NO_ELEMENTS)),
        }
    }

    /// The text being parsed.
    pub(super) fn text(&self) -> &Text {
        &self.saved.texts[self.saved.texts.len() - 1]
    }

    /// Whether the text is the document's own.
    fn in_document(&self) -> bool {
        self.saved.texts.len() == 1
    }

    /// One token; false if there is none (yet).
    fn step(&mut self, last: bool) -> Parsed<bool> {
        let text = self.text();
        if text.at >= text.text.len() {
            return self.end_of_text();
        }
        self.saved.started = true;
        // An entity's text is whole.
        let whole = last || !self.in_document();
        let stepped = match self.saved.state {
            State::Prolog | State::Epilog => self.misc(whole),
            State::Subset => self.subset_token(),
            State::SubsetEnd => self.doctype_end(),
            State::Content => self.content(whole),
            State::Cdata => self.cdata(whole),
        };
        match stepped {
            Err(Step::More) if whole && !self.in_document() => Err(Failure::Xml(Code::UNCLOSED_TOKEN)),
            Err(Step::More) => {
                let text = self.text();
                self.saved.tried = text.text.len() - text.at;
                Ok(false)
            }
            Err(Step::Failed(e)) => Err(e),
            Ok(()) => Ok(true),
        }
    }

    /// Leaves an entity; false at the end of the document's text.
    fn end_of_text(&mut self) -> Parsed<bool> {
        if self.in_document() {
            return Ok(false);
        }
        if let Some(Text { entity: Some((name, depth)), .. }) = self.saved.texts.pop() {
            if depth != self.saved.open.len() || self.saved.state == State::Cdata {
                return Err(Failure::Xml(Code::ASYNC_ENTITY));
            }
            self.saved.dtd.borrow_mut().close(&name);
        }
        Ok(true)
    }

    /// Enters an entity's text.
    pub(super) fn enter(&mut self, name: &str, text: String) -> Parsed {
        self.count_expansion(text.len())?;
        let entity = Some((name.to_string(), self.saved.open.len()));
        self.saved.texts.push(Text { text: text.into_bytes(), at: 0, entity });
        Ok(())
    }

    /// Notes bytes that an entity stands for.
    pub(super) fn count_expansion(&mut self, n: usize) -> Parsed {
        self.saved.expanded += n;
        let read = self.saved.index as usize + 1;
        if self.saved.expanded > EXPANSION_FREE && self.saved.expanded / EXPANSION_FACTOR > read {
            return Err(Failure::Xml(Code::AMPLIFICATION_LIMIT_BREACH));
        }
        self.t.poll()?;
        Ok(())
    }

    /// Moves past a token, once it has been reported.
    pub(super) fn advance(&mut self, to: usize) {
        let here = self.saved.texts.len() - 1;
        let from = std::mem::replace(&mut self.saved.texts[here].at, to);
        if here > 0 {
            return;
        }
        let passed = &self.saved.texts[0].text[from..to];
        self.saved.index += passed.len() as u64;
        if passed.len() < SHORT {
            for &b in passed {
                match b {
                    b'\n' => (self.saved.line, self.saved.column) = (self.saved.line + 1, 0),
                    _ => self.saved.column += u64::from(b & 0xc0 != 0x80),
                }
            }
            return;
        }
        let lines = memchr::memchr_iter(b'\n', passed).count() as u64;
        let tail = memchr::memrchr(b'\n', passed).map_or(passed, |n| &passed[n + 1..]);
        let columns = tail.iter().filter(|&&b| b & 0xc0 != 0x80).count() as u64;
        self.saved.column = if lines > 0 { columns } else { self.saved.column + columns };
        self.saved.line += lines;
    }

    /// An error at a byte of the text.
    pub(super) fn fail_at(&mut self, at: usize, code: Code) -> Step {
        if self.in_document() {
            self.advance(at.min(self.text().text.len()));
        }
        Step::Failed(Failure::Xml(code))
    }

    /// What a lexer's stop means.
    pub(super) fn stopped(&mut self, stop: Stop) -> Step {
        match stop {
            Stop::More => Step::More,
            Stop::Bad(at) => self.fail_at(at, Code::INVALID_TOKEN),
        }
    }

    /// The object.
    pub(super) fn object(&self) -> &Parser {
        self.parser.expect::<Parser>()
    }

    /// Whether a handler is set.
    pub(super) fn has(&self, handler: Handler) -> bool {
        let heard = [Handler::StartElementHandler, Handler::EndElementHandler, Handler::CharacterDataHandler];
        self.listener.is_some() && heard.contains(&handler) || self.object().handler(handler).is_some()
    }

    /// Calls a handler, if it is set; its answer.
    pub(super) fn call(&self, handler: Handler, args: &[Value]) -> Res<Option<Value>> {
        let object = self.object();
        object.place(self.saved.line, self.saved.column, self.saved.index);
        if handler != Handler::CharacterDataHandler {
            object.flush(self.t)?;
        }
        match object.handler(handler) {
            Some(f) => typhon_object::call::call(self.t, &f, args).map(Some),
            None => Ok(None),
        }
    }

    /// Reports an event; without its handler the default one gets the token.
    pub(super) fn report(&self, handler: Handler, args: &[Value], token: (usize, usize)) -> Res<()> {
        match self.call(handler, args)? {
            Some(_) => Ok(()),
            None => self.default(token),
        }
    }

    /// Reports a token to the default handler.
    pub(super) fn default(&self, (from, to): (usize, usize)) -> Res<()> {
        let set = [Handler::DefaultHandlerExpand, Handler::DefaultHandler].into_iter().find(|&h| self.has(h));
        if let Some(handler) = set
            && self.in_document()
            && to > from
        {
            let text = super::input::value(self.t, lex::text(&self.text().text, (from, to)))?;
            self.call(handler, &[text])?;
        }
        Ok(())
    }

    /// A str of a part of the text.
    pub(super) fn value(&self, span: lex::Span) -> Res {
        let text = &self.text().text;
        match text.get(span.0..span.1) {
            Some(part) if part.is_ascii() => strs::from_latin1(self.t, part),
            _ => super::input::value(self.t, lex::text(text, span)),
        }
    }

    /// Comments, processing instructions and white space outside of the root, and what begins it.
    fn misc(&mut self, whole: bool) -> Result<(), Step> {
        let text = self.text();
        let (s, at) = (&text.text, text.at);
        let epilog = self.saved.state == State::Epilog;
        match s[at..] {
            [b'<', b'?', ..] => self.instruction(),
            [b'<', b'!', b'-', ..] => self.comment(),
            [b'<', b'!', b'D', ..] if !epilog => self.doctype(),
            [b'<'] | [b'<', b'!'] if !whole => Err(Step::More),
            [b'<', b'!', ..] if !epilog => Err(self.fail_at(at + 2, Code::INVALID_TOKEN)),
            [b'<', ..] if !epilog => {
                self.saved.state = State::Content;
                let read = self.start_tag();
                if matches!(read, Err(Step::More)) {
                    self.saved.state = State::Prolog;
                }
                read
            }
            [b, ..] if lex::is_space(b) => {
                let end = lex::skip_space(s, at);
                self.default((at, end))?;
                self.advance(end);
                Ok(())
            }
            _ if epilog => Err(Step::Failed(Failure::Xml(Code::JUNK_AFTER_DOC_ELEMENT))),
            _ => Err(Step::Failed(Failure::Xml(Code::SYNTAX))),
        }
    }

    /// Whether a handler's answer means yes.
    pub(super) fn truth(&self, v: &Value) -> Res<bool> {
        ops::truth(self.t, v)
    }
}

/// Why a token did not come through.
pub(super) enum Step {
    /// More text is needed.
    More,
    /// Parsing ends.
    Failed(Failure),
}

impl From<Exc> for Step {
    fn from(e: Exc) -> Self {
        Self::Failed(Failure::Raised(e))
    }
}

impl From<Failure> for Step {
    fn from(e: Failure) -> Self {
        Self::Failed(e)
    }
}
