//! Document type declarations.

use super::codes::Code;
use super::core::{Core, Failure, State, Step};
use super::handler::Handler;
use super::input;
use super::lex::{self, Span};
use super::model;
use rustc_hash::FxHashMap;
use typhon_object::Value;
use typhon_object::error::Res;

/// A general or parameter entity.
#[derive(Clone, Debug, Default)]
pub(super) struct Entity {
    /// Replacement text of an internal one.
    pub(super) value: Option<String>,
    pub(super) system: Option<String>,
    pub(super) public: Option<String>,
    pub(super) notation: Option<String>,
    /// Being read just now.
    pub(super) open: bool,
}

/// An attribute's declaration.
#[derive(Clone, Debug)]
struct Attribute {
    name: String,
    cdata: bool,
    default: Option<String>,
}

/// What the declarations said.
#[derive(Default)]
pub(super) struct Dtd {
    pub(super) general: FxHashMap<String, Entity>,
    parameter: FxHashMap<String, Entity>,
    attributes: FxHashMap<String, Vec<Attribute>>,
    /// There are declarations that were not read.
    pub(super) unread: bool,
    pub(super) standalone: bool,
}

impl Dtd {
    /// An undefined entity may have been declared where nobody looked.
    pub(super) fn may_be_elsewhere(&self) -> bool {
        self.unread && !self.standalone
    }

    /// Marks an entity as being read.
    pub(super) fn open(&mut self, name: &str) {
        if let Some(entity) = self.general.get_mut(name) {
            entity.open = true;
        }
    }

    /// Marks an entity as read.
    pub(super) fn close(&mut self, name: &str) {
        if let Some(entity) = self.general.get_mut(name) {
            entity.open = false;
        }
    }

    /// Whether any element's attributes are declared.
    pub(super) fn has_attributes(&self) -> bool {
        !self.attributes.is_empty()
    }

    /// Attributes that an element has without being written.
    pub(super) fn defaults(&self, element: &str) -> Vec<(String, String)> {
        let of = self.attributes.get(element).map_or(&[][..], Vec::as_slice);
        of.iter().filter_map(|a| Some((a.name.clone(), a.default.clone()?))).collect()
    }

    /// Whether an attribute's value is a list of tokens.
    pub(super) fn is_tokens(&self, element: &str, name: &str) -> bool {
        self.attributes.get(element).is_some_and(|of| of.iter().any(|a| a.name == name && !a.cdata))
    }
}

/// The external identifier of a declaration.
#[derive(Default)]
struct External {
    system: Option<String>,
    public: Option<String>,
    end: usize,
}

impl Core<'_> {
    fn or_none(&self, text: &Option<String>) -> Res {
        text.as_ref().map_or(Ok(Value::NONE), |text| input::value(self.t, text))
    }

    /// `SYSTEM "..."` or `PUBLIC "..." "..."` at `i`, if it is there; a notation may lack the second.
    fn external_id(&mut self, s: &[u8], i: usize, notation: bool) -> Result<External, Step> {
        let mut out = External { end: i, ..External::default() };
        let public = s[i..].starts_with(b"PUBLIC");
        if !public && !s[i..].starts_with(b"SYSTEM") {
            return Ok(out);
        }
        let literal = |core: &mut Self, from: usize| -> Result<(String, usize), Step> {
            let open = lex::skip_space(s, from);
            if open == from {
                return Err(core.fail_at(open, Code::SYNTAX));
            }
            match lex::quoted(s, open) {
                Ok(span) => Ok((lex::text(s, span).to_string(), span.1 + 1)),
                Err(_) => Err(core.fail_at(open, Code::SYNTAX)),
            }
        };
        let mut at = i + 6;
        if public {
            let (text, end) = literal(self, at)?;
            let fits = |c: char| c.is_ascii_alphanumeric() || " \n-'()+,./:=?;!*#@$_%".contains(c);
            if !text.chars().all(fits) {
                return Err(self.fail_at(at, Code::PUBLICID));
            }
            out.public = Some(text.split_whitespace().collect::<Vec<_>>().join(" "));
            at = end;
            let next = lex::skip_space(s, at);
            if notation && !matches!(s.get(next), Some(b'"' | b'\'')) {
                out.end = at;
                return Ok(out);
            }
        }
        let (text, end) = literal(self, at)?;
        out.system = Some(text);
        out.end = end;
        Ok(out)
    }

    /// `<!DOCTYPE name external-id` up to the brackets or the end.
    pub(super) fn doctype(&mut self) -> Result<(), Step> {
        let text = self.text();
        let at = text.at;
        const START: &[u8] = b"<!DOCTYPE";
        let there = &text.text[at..text.text.len().min(at + START.len())];
        if there != START {
            let wrong = there.iter().zip(START).position(|(a, b)| a != b);
            return Err(wrong.map_or(Step::More, |n| self.fail_at(at + n, Code::INVALID_TOKEN)));
        }
        let Some(end) = lex::find_outside(&text.text, at + START.len(), b"[>") else { return Err(Step::More) };
        let s = text.text[..=end].to_vec();
        let name_from = lex::skip_space(&s, at + START.len());
        let name_end = match lex::name(&s, name_from) {
            Ok(name_end) if name_from > at + START.len() => name_end,
            _ => return Err(self.fail_at(name_from, Code::INVALID_TOKEN)),
        };
        let external = self.external_id(&s, lex::skip_space(&s, name_end), false)?;
        if lex::skip_space(&s, external.end) != end {
            return Err(self.fail_at(lex::skip_space(&s, external.end), Code::SYNTAX));
        }
        let subset = s[end] == b'[';
        if external.system.is_some() {
            self.saved.dtd.borrow_mut().unread = true;
        }
        if self.has(Handler::StartDoctypeDeclHandler) {
            let args = [
                self.value((name_from, name_end))?,
                self.or_none(&external.system)?,
                self.or_none(&external.public)?,
                Value::small(i64::from(subset)),
            ];
            self.call(Handler::StartDoctypeDeclHandler, &args)?;
        } else {
            self.default_pieces(&s, at, end + 1)?;
        }
        let standalone = self.saved.dtd.borrow().standalone;
        if external.system.is_some()
            && !standalone
            && let Some(v) = self.call(Handler::NotStandaloneHandler, &[])?
            && !self.truth(&v)?
        {
            return Err(Step::Failed(Failure::Xml(Code::NOT_STANDALONE)));
        }
        self.advance(end + 1);
        if subset {
            self.saved.state = State::Subset;
            return Ok(());
        }
        Ok(self.call(Handler::EndDoctypeDeclHandler, &[]).map(drop)?)
    }

    /// A declaration's words, quotes and signs, one by one, for the default handler.
    fn default_pieces(&self, s: &[u8], mut at: usize, end: usize) -> Res<()> {
        while at < end {
            let next = match s[at] {
                b if lex::is_space(b) => lex::skip_space(&s[..end], at),
                b'"' | b'\'' => lex::quoted(s, at).map_or(end, |span| span.1 + 1),
                b'<' => lex::name_token(s, at + 2),
                _ => lex::name_token(s, at).max(at + 1),
            };
            self.default((at, next.min(end)))?;
            at = next;
        }
        Ok(())
    }

    /// A token between the brackets.
    pub(super) fn subset_token(&mut self) -> Result<(), Step> {
        let text = self.text();
        let (s, at) = (&text.text, text.at);
        match s[at..] {
            [b']', ..] if self.saved.texts.len() == 1 => {
                self.default((at, at + 1))?;
                self.saved.state = State::SubsetEnd;
                self.advance(at + 1);
                Ok(())
            }
            [b'%', ..] => self.parameter_reference(),
            [b'<', b'?', ..] => self.instruction(),
            [b'<', b'!', b'-', ..] => self.comment(),
            [b'<', b'!', b, ..] if b.is_ascii_uppercase() => {
                let Some(end) = lex::find_outside(s, at + 2, b">") else { return Err(Step::More) };
                let decl = s[..=end].to_vec();
                self.declared(&decl, at, end)
            }
            [b'<'] | [b'<', b'!'] => Err(Step::More),
            [b, ..] if lex::is_space(b) => {
                let end = lex::skip_space(s, at);
                self.default((at, end))?;
                self.advance(end);
                Ok(())
            }
            _ => Err(Step::Failed(Failure::Xml(Code::SYNTAX))),
        }
    }

    /// After the brackets: the end of the declaration.
    pub(super) fn doctype_end(&mut self) -> Result<(), Step> {
        let text = self.text();
        let (s, at) = (&text.text, text.at);
        let end = lex::skip_space(s, at);
        match s.get(end) {
            None => Err(Step::More),
            Some(b'>') => {
                self.report(Handler::EndDoctypeDeclHandler, &[], (end, end + 1))?;
                self.saved.state = State::Prolog;
                self.advance(end + 1);
                Ok(())
            }
            Some(_) => Err(self.fail_at(end, Code::SYNTAX)),
        }
    }

    fn parameter_reference(&mut self) -> Result<(), Step> {
        let text = self.text();
        let (s, at) = (&text.text, text.at);
        let name_end = match lex::name(s, at + 1) {
            Ok(end) => end,
            Err(stop) => return Err(self.stopped(stop)),
        };
        if s.get(name_end) != Some(&b';') {
            return Err(self.fail_at(name_end, Code::INVALID_TOKEN));
        }
        let name = lex::text(s, (at + 1, name_end)).to_string();
        let entity = self.saved.dtd.borrow().parameter.get(&name).cloned();
        match entity.as_ref().and_then(|e| e.value.clone()) {
            Some(_)
                if self
                    .saved
                    .texts
                    .iter()
                    .any(|t| t.entity.as_ref().is_some_and(|(n, _)| *n == format!("%{name}"))) =>
            {
                Err(Step::Failed(Failure::Xml(Code::RECURSIVE_ENTITY_REF)))
            }
            Some(value) => {
                self.advance(name_end + 1);
                self.enter(&format!("%{name}"), value)?;
                Ok(())
            }
            None => {
                // What it stands for is not read, and may declare anything.
                self.saved.dtd.borrow_mut().unread = true;
                let args = [input::value(self.t, &name)?, Value::small(1)];
                self.report(Handler::SkippedEntityHandler, &args, (at, name_end + 1))?;
                self.advance(name_end + 1);
                Ok(())
            }
        }
    }

    /// A declaration from `at` to the `>` at `end`.
    fn declared(&mut self, s: &[u8], at: usize, end: usize) -> Result<(), Step> {
        let word_end = lex::name_token(s, at + 2);
        let from = lex::skip_space(s, word_end);
        if from == word_end {
            return Err(self.fail_at(word_end, Code::INVALID_TOKEN));
        }
        let handled = match lex::text(s, (at + 2, word_end)) {
            "ENTITY" => self.entity_declaration(s, from, end)?,
            "ATTLIST" => self.attribute_list(s, from, end)?,
            "ELEMENT" => self.element_declaration(s, from, end)?,
            "NOTATION" => self.notation_declaration(s, from, end)?,
            _ => return Err(self.fail_at(at + 2, Code::SYNTAX)),
        };
        if !handled {
            self.default((at, end + 1))?;
        }
        self.advance(end + 1);
        Ok(())
    }

    fn name_at(&mut self, s: &[u8], i: usize) -> Result<(String, usize), Step> {
        match lex::name(s, i) {
            Ok(end) => Ok((lex::text(s, (i, end)).to_string(), end)),
            Err(_) => Err(self.fail_at(i, Code::SYNTAX)),
        }
    }

    /// Nothing but white space up to the end.
    fn nothing_more(&mut self, s: &[u8], i: usize, end: usize) -> Result<(), Step> {
        let i = lex::skip_space(s, i);
        if i == end { Ok(()) } else { Err(self.fail_at(i, Code::SYNTAX)) }
    }

    fn entity_declaration(&mut self, s: &[u8], from: usize, end: usize) -> Result<bool, Step> {
        let parameter = s[from] == b'%';
        let from = if parameter { lex::skip_space(s, from + 1) } else { from };
        let (name, name_end) = self.name_at(s, from)?;
        let at = lex::skip_space(s, name_end);
        let mut entity = Entity::default();
        let after = match lex::quoted(s, at) {
            Ok(span) => {
                entity.value = Some(self.entity_value(lex::text(s, span), span)?);
                span.1 + 1
            }
            Err(_) => {
                let external = self.external_id(s, at, false)?;
                if external.system.is_none() {
                    return Err(self.fail_at(at, Code::SYNTAX));
                }
                entity.system = external.system;
                entity.public = external.public;
                let next = lex::skip_space(s, external.end);
                if s[next..].starts_with(b"NDATA") && next > external.end && !parameter {
                    let (notation, notation_end) = self.name_at(s, lex::skip_space(s, next + 5))?;
                    entity.notation = Some(notation);
                    notation_end
                } else {
                    external.end
                }
            }
        };
        self.nothing_more(s, after, end)?;
        let known = {
            let dtd = self.saved.dtd.borrow();
            if parameter { dtd.parameter.contains_key(&name) } else { dtd.general.contains_key(&name) }
        };
        if known {
            return Ok(false);
        }
        self.t.check_alloc(entity.value.as_ref().map_or(256, String::len))?;
        let handled = self.report_entity(&name, parameter, &entity)?;
        let mut dtd = self.saved.dtd.borrow_mut();
        let table = if parameter { &mut dtd.parameter } else { &mut dtd.general };
        table.insert(name, entity);
        Ok(handled)
    }

    fn report_entity(&self, name: &str, parameter: bool, entity: &Entity) -> Result<bool, Step> {
        let (base, name) = (self.object().base(), input::value(self.t, name)?);
        let (system, public) = (self.or_none(&entity.system)?, self.or_none(&entity.public)?);
        let notation = self.or_none(&entity.notation)?;
        if entity.notation.is_some() && self.has(Handler::UnparsedEntityDeclHandler) {
            self.call(Handler::UnparsedEntityDeclHandler, &[name, base, system, public, notation])?;
            return Ok(true);
        }
        if !self.has(Handler::EntityDeclHandler) {
            return Ok(false);
        }
        let value = self.or_none(&entity.value)?;
        let args = [name, Value::small(i64::from(parameter)), value, base, system, public, notation];
        self.call(Handler::EntityDeclHandler, &args)?;
        Ok(true)
    }

    /// An entity's literal with its character references replaced; general references stay.
    fn entity_value(&mut self, raw: &str, span: Span) -> Result<String, Step> {
        let mut out = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some(n) = rest.find(['&', '%']) {
            out.push_str(&rest[..n]);
            rest = &rest[n..];
            let Some(end) = rest.find(';') else { return Err(self.fail_at(span.0, Code::INVALID_TOKEN)) };
            let name = &rest[1..end];
            if rest.starts_with('%') {
                return Err(self.fail_at(span.0 + raw.len() - rest.len(), Code::PARAM_ENTITY_REF));
            }
            if name.starts_with('#') {
                let Some(c) = lex::char_ref(name) else {
                    return Err(self.fail_at(span.0 + raw.len() - rest.len(), Code::BAD_CHAR_REF));
                };
                out.push(c);
            } else {
                out.push_str(&rest[..=end]);
            }
            rest = &rest[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    fn attribute_list(&mut self, s: &[u8], from: usize, end: usize) -> Result<bool, Step> {
        let (element, mut at) = self.name_at(s, from)?;
        let mut handled = false;
        loop {
            at = lex::skip_space(s, at);
            if at == end {
                return Ok(handled);
            }
            let (name, name_end) = self.name_at(s, at)?;
            let kind_from = lex::skip_space(s, name_end);
            let (kind, kind_end) = self.attribute_kind(s, kind_from, end)?;
            let default_from = lex::skip_space(s, kind_end);
            let word_end = if s[default_from] == b'#' { lex::name_token(s, default_from + 1) } else { default_from };
            let word = lex::text(s, (default_from, word_end)).to_string();
            let (default, after) = match word.as_str() {
                "#REQUIRED" | "#IMPLIED" => (None, word_end),
                "#FIXED" | "" => {
                    let open = lex::skip_space(s, word_end);
                    let Ok(span) = lex::quoted(s, open) else { return Err(self.fail_at(open, Code::SYNTAX)) };
                    let mut value = String::new();
                    self.expand_value(lex::text(s, span), &mut value, 0)?;
                    if kind != "CDATA" {
                        value = value.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
                    }
                    (Some(value), span.1 + 1)
                }
                _ => return Err(self.fail_at(default_from, Code::SYNTAX)),
            };
            at = after;
            if self.has(Handler::AttlistDeclHandler) {
                let required = matches!(word.as_str(), "#REQUIRED" | "#FIXED");
                let args = [
                    input::value(self.t, &element)?,
                    input::value(self.t, &name)?,
                    input::value(self.t, &kind)?,
                    self.or_none(&default)?,
                    Value::small(i64::from(required)),
                ];
                self.call(Handler::AttlistDeclHandler, &args)?;
                handled = true;
            }
            let mut dtd = self.saved.dtd.borrow_mut();
            let of = dtd.attributes.entry(element.clone()).or_default();
            if of.iter().all(|a| a.name != name) {
                of.push(Attribute { name, cdata: kind == "CDATA", default });
            }
        }
    }

    /// An attribute's type: a word, or a list of choices without its white space.
    fn attribute_kind(&mut self, s: &[u8], from: usize, end: usize) -> Result<(String, usize), Step> {
        const WORDS: [&str; 8] = ["CDATA", "ID", "IDREF", "IDREFS", "ENTITY", "ENTITIES", "NMTOKEN", "NMTOKENS"];
        let word_end = lex::name_token(s, from);
        let word = lex::text(s, (from, word_end));
        if WORDS.contains(&word) {
            return Ok((word.to_string(), word_end));
        }
        let list = lex::skip_space(s, word_end);
        let close = lex::find(&s[..end], list, b")");
        match (s.get(list), close) {
            (Some(b'('), Some(close)) if word.is_empty() || word == "NOTATION" => {
                let inside: String = lex::text(s, (list, close + 1)).split_whitespace().collect();
                Ok((format!("{word}{inside}"), close + 1))
            }
            _ => Err(self.fail_at(from, Code::SYNTAX)),
        }
    }

    fn element_declaration(&mut self, s: &[u8], from: usize, end: usize) -> Result<bool, Step> {
        let (name, name_end) = self.name_at(s, from)?;
        let at = lex::skip_space(s, name_end);
        let parsed = model::parse(self.t, &s[..end], at)?;
        let Some((content, after)) = parsed else { return Err(self.fail_at(at, Code::SYNTAX)) };
        self.nothing_more(s, after, end)?;
        if !self.has(Handler::ElementDeclHandler) {
            return Ok(false);
        }
        let args = [input::value(self.t, &name)?, content];
        self.call(Handler::ElementDeclHandler, &args)?;
        Ok(true)
    }

    fn notation_declaration(&mut self, s: &[u8], from: usize, end: usize) -> Result<bool, Step> {
        let (name, name_end) = self.name_at(s, from)?;
        let at = lex::skip_space(s, name_end);
        let external = self.external_id(s, at, true)?;
        if external.end == at {
            return Err(self.fail_at(at, Code::SYNTAX));
        }
        self.nothing_more(s, external.end, end)?;
        if !self.has(Handler::NotationDeclHandler) {
            return Ok(false);
        }
        let args = [
            input::value(self.t, &name)?,
            self.object().base(),
            self.or_none(&external.system)?,
            self.or_none(&external.public)?,
        ];
        self.call(Handler::NotationDeclHandler, &args)?;
        Ok(true)
    }
}
