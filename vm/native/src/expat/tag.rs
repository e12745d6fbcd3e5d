//! Tags: elements begin and end, with their attributes and namespaces.

use super::codes::Code;
use super::core::{Core, Failure, Open, State, Step};
use super::handler::Handler;
use super::input;
use super::lex;
use super::name_table::NameId;
use smallvec::SmallVec;
use typhon_object::dict::Dict;
use typhon_object::list::List;
use typhon_object::{Value, strs};

/// The namespace that the prefix `xml` stands for.
const XML_URI: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS_URI: &str = "http://www.w3.org/2000/xmlns/";

/// Names and values.
type Attributes = SmallVec<[(NameId, Value); 4]>;

impl Core<'_> {
    pub(super) fn start_tag(&mut self) -> Result<(), Step> {
        let text = self.text();
        let (s, at) = (&text.text, text.at);
        let tag = match lex::start_tag(s, at) {
            Ok(tag) => tag,
            Err(stop) => return Err(self.stopped(stop)),
        };
        let raw = self.name(tag.name);
        let bindings = self.saved.bindings.len();
        let declared = self.saved.dtd.borrow().has_attributes();
        let mut attributes = Attributes::new();
        for &(name, value) in &tag.attributes {
            let place = name.0;
            let name = self.name(name);
            if attributes.iter().any(|(known, _)| *known == name) {
                return Err(self.fail_at(place, Code::DUPLICATE_ATTRIBUTE));
            }
            let value = self.attribute_value((raw, name), value, declared)?;
            attributes.push((name, value));
        }
        let mut specified = attributes.len();
        if declared {
            let defaults = self.saved.dtd.borrow().defaults(self.saved.names.raw(raw));
            for (name, value) in defaults {
                let name = self.saved.names.find(&name);
                if !attributes.iter().any(|(known, _)| *known == name) {
                    attributes.push((name, input::value(self.t, &value)?));
                }
            }
            if !self.object().specified_only() {
                specified = attributes.len();
            }
        }
        self.start_element(raw, attributes, specified, bindings, (at, tag.end))?;
        if tag.empty {
            self.end_element((at, at))?;
        }
        self.advance(tag.end);
        Ok(())
    }

    /// The number of a name in the text.
    fn name(&mut self, span: lex::Span) -> NameId {
        let here = self.saved.texts.len() - 1;
        self.saved.names.find(lex::text(&self.saved.texts[here].text, span))
    }

    fn start_element(
        &mut self,
        raw: NameId,
        attributes: Attributes,
        specified: usize,
        bindings: usize,
        token: (usize, usize),
    ) -> Result<(), Step> {
        let namespaces = self.object().separator().is_some();
        let mut shown = Attributes::new();
        for (i, (name, value)) in attributes.into_iter().enumerate() {
            let raw = self.saved.names.raw(name);
            match raw.strip_prefix("xmlns").filter(|rest| rest.is_empty() || rest.starts_with(':')) {
                Some(prefix) if namespaces => {
                    let prefix = prefix.trim_start_matches(':').to_string();
                    self.bind(&prefix, &strs::display(&value))?;
                }
                _ if i < specified => shown.push((name, value)),
                _ => {}
            }
        }
        let name = self.reported(raw, true)?;
        let mut pairs: SmallVec<[Value; 8]> = SmallVec::new();
        for (attribute, value) in shown {
            let full = self.reported(attribute, false)?;
            if pairs.iter().step_by(2).any(|known| strs::eq(known, &full)) {
                return Err(Step::Failed(Failure::Xml(Code::DUPLICATE_ATTRIBUTE)));
            }
            pairs.push(full);
            pairs.push(value);
        }
        self.saved.open.push(Open { raw, name: name.clone(), bindings });
        self.t.check_alloc(self.saved.open.len() * 64)?;
        if let Some((listener, who)) = &self.listener {
            return Ok((listener.start)(self.t, who, &name, &pairs)?);
        }
        if !self.has(Handler::StartElementHandler) {
            return Ok(self.default(token)?);
        }
        let attributes = if self.object().ordered() {
            List::from_vec(self.t, pairs.into_vec())?
        } else {
            let dict = Dict::create(self.t);
            pairs.chunks_exact(2).try_for_each(|pair| Dict::of(&dict).set(self.t, &pair[0], &pair[1]))?;
            dict
        };
        self.call(Handler::StartElementHandler, &[name, attributes])?;
        Ok(())
    }

    /// Declares a namespace prefix.
    fn bind(&mut self, prefix: &str, uri: &str) -> Result<(), Step> {
        let fail = |code| Err(Step::Failed(Failure::Xml(code)));
        match (prefix, uri) {
            ("xmlns", _) => return fail(Code::RESERVED_PREFIX_XMLNS),
            ("xml", uri) if uri != XML_URI => return fail(Code::RESERVED_PREFIX_XML),
            (prefix, XML_URI) if prefix != "xml" => return fail(Code::RESERVED_NAMESPACE_URI),
            (_, XMLNS_URI) => return fail(Code::RESERVED_NAMESPACE_URI),
            (prefix, "") if !prefix.is_empty() => return fail(Code::UNDECLARING_PREFIX),
            _ => {}
        }
        let uri = Some(uri.to_string()).filter(|uri| !uri.is_empty());
        self.saved.bindings.push((prefix.to_string(), uri.clone()));
        self.saved.namespaces += 1;
        if self.has(Handler::StartNamespaceDeclHandler) {
            let t = self.t;
            let or_none = |text: Option<&str>| text.map_or(Ok(Value::NONE), |text| input::value(t, text));
            let args = [or_none(Some(prefix).filter(|p| !p.is_empty()))?, or_none(uri.as_deref())?];
            self.call(Handler::StartNamespaceDeclHandler, &args)?;
        }
        Ok(())
    }

    /// What handlers are told of a name.
    fn reported(&mut self, id: NameId, element: bool) -> Result<Value, Step> {
        let state = self.saved.namespaces << 1 | u64::from(self.object().prefixes());
        if let Some(known) = self.saved.names.reported(id, element, state) {
            return Ok(known.clone());
        }
        let raw = self.saved.names.raw(id);
        let name = if self.object().separator().is_some() {
            let full = self.expanded_name(raw, element)?;
            self.object().intern(self.t, &full)?
        } else {
            self.object().intern(self.t, raw)?
        };
        self.saved.names.report(id, element, state, name.clone());
        Ok(name)
    }

    /// A name with its namespace instead of its prefix.
    fn expanded_name(&self, raw: &str, element: bool) -> Result<String, Step> {
        let (prefix, local) = raw.split_once(':').unwrap_or(("", raw));
        if prefix.is_empty() && !element {
            return Ok(raw.to_string());
        }
        let bound = self.saved.bindings.iter().rev().find(|(p, _)| p == prefix);
        let uri = match bound {
            Some((_, uri)) => uri.as_deref(),
            None if prefix == "xml" => Some(XML_URI),
            None if prefix.is_empty() => None,
            None => return Err(Step::Failed(Failure::Xml(Code::UNBOUND_PREFIX))),
        };
        let separator = self.object().separator().unwrap_or_default();
        Ok(match uri {
            None => local.to_string(),
            Some(uri) if self.object().prefixes() && !prefix.is_empty() => {
                format!("{uri}{separator}{local}{separator}{prefix}")
            }
            Some(uri) => format!("{uri}{separator}{local}"),
        })
    }

    pub(super) fn end_tag(&mut self) -> Result<(), Step> {
        let text = self.text();
        let (s, at) = (&text.text, text.at);
        let open = self.saved.open.last().map(|open| self.saved.names.raw(open.raw).as_bytes());
        let inside = &s[at + 2..];
        let (close, matches) = match open {
            Some(raw) if inside.starts_with(raw) && inside.get(raw.len()) == Some(&b'>') => (at + 2 + raw.len(), true),
            _ => {
                let name_end = match lex::name(s, at + 2) {
                    Ok(end) => end,
                    Err(stop) => return Err(self.stopped(stop)),
                };
                let close = lex::skip_space(s, name_end);
                match s.get(close) {
                    None => return Err(Step::More),
                    Some(b'>') => {}
                    Some(_) => return Err(self.fail_at(close, Code::INVALID_TOKEN)),
                }
                (close, open.is_some_and(|raw| raw == &s[at + 2..name_end]))
            }
        };
        if text.entity.as_ref().is_some_and(|(_, depth)| *depth >= self.saved.open.len()) {
            return Err(Step::Failed(Failure::Xml(Code::ASYNC_ENTITY)));
        }
        if !matches {
            return Err(self.fail_at(at + 2, Code::TAG_MISMATCH));
        }
        self.end_element((at, close + 1))?;
        self.advance(close + 1);
        Ok(())
    }

    fn end_element(&mut self, token: (usize, usize)) -> Result<(), Step> {
        let Some(open) = self.saved.open.pop() else { return Ok(()) };
        match &self.listener {
            Some((listener, who)) => (listener.end)(self.t, who, &open.name)?,
            None => self.report(Handler::EndElementHandler, &[open.name], token)?,
        }
        while self.saved.bindings.len() > open.bindings {
            let Some((prefix, _)) = self.saved.bindings.pop() else { break };
            self.saved.namespaces += 1;
            if self.has(Handler::EndNamespaceDeclHandler) {
                let prefix = if prefix.is_empty() { Value::NONE } else { input::value(self.t, &prefix)? };
                self.call(Handler::EndNamespaceDeclHandler, &[prefix])?;
            }
        }
        if self.saved.open.is_empty() && !self.saved.external {
            self.saved.state = State::Epilog;
        }
        Ok(())
    }

    /// An attribute's value with its references replaced and its white space normalized.
    fn attribute_value(&mut self, of: (NameId, NameId), span: lex::Span, declared: bool) -> Result<Value, Step> {
        let names = &self.saved.names;
        let tokens = declared && self.saved.dtd.borrow().is_tokens(names.raw(of.0), names.raw(of.1));
        let raw = &self.text().text[span.0..span.1];
        if !tokens && !raw.iter().any(|b| matches!(b, b'&' | b'\n' | b'\t' | b'<')) {
            return Ok(self.value(span)?);
        }
        let raw = lex::text(&self.text().text, span).to_string();
        let mut out = String::with_capacity(raw.len());
        self.expand_value(&raw, &mut out, 0)?;
        if tokens {
            out = out.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        }
        Ok(input::value(self.t, &out)?)
    }
}
