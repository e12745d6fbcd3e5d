//! Character data, references, comments and processing instructions.

use super::codes::Code;
use super::core::{Core, Failure, State, Step};
use super::dtd::Entity;
use super::handler::Handler;
use super::input;
use super::lex;
use typhon_object::Value;
use typhon_object::error::Res;

impl Core<'_> {
    pub(super) fn content(&mut self, whole: bool) -> Result<(), Step> {
        let text = self.text();
        let (s, at) = (&text.text, text.at);
        match s[at..] {
            [b'<', b'/', ..] => self.end_tag(),
            [b'<', b'?', ..] => self.instruction(),
            [b'<', b'!', b'-', ..] => self.comment(),
            [b'<', b'!', b'[', ..] => self.cdata_start(),
            [b'<'] | [b'<', b'!'] if !whole => Err(Step::More),
            [b'<', b'!', ..] => Err(self.fail_at(at + 2, Code::INVALID_TOKEN)),
            [b'<', ..] => self.start_tag(),
            [b'&', ..] => self.reference(),
            _ => self.data(whole),
        }
    }

    /// Character data up to the end of the line or the next markup.
    fn data(&mut self, whole: bool) -> Result<(), Step> {
        let text = self.text();
        let (s, at) = (&text.text, text.at);
        let end = if s[at] == b'\n' {
            at + 1
        } else {
            memchr::memchr3(b'<', b'&', b'\n', &s[at..]).map_or(s.len(), |n| at + n)
        };
        if !lex::is_plain(&s[at..end]) {
            if let Some(bad) = lex::bad_char(s, at, end) {
                return Err(self.fail_at(bad, Code::INVALID_TOKEN));
            }
            if let Some(bad) = lex::find(&s[..end], at, b"]]>") {
                return Err(self.fail_at(bad + 2, Code::INVALID_TOKEN));
            }
        }
        // A bracket at the end of what there is may begin a `]]>`.
        let held = if end == s.len() && !whole {
            s[at..end].iter().rev().take(2).take_while(|&&b| b == b']').count()
        } else {
            0
        };
        let end = end - held;
        if end == at {
            return Err(Step::More);
        }
        self.characters((at, end))
    }

    fn characters(&mut self, span: lex::Span) -> Result<(), Step> {
        if self.has(Handler::CharacterDataHandler) {
            let text = self.value(span)?;
            self.tell(&text)?;
        } else {
            self.default(span)?;
        }
        self.advance(span.1);
        Ok(())
    }

    /// Reports character data.
    fn tell(&self, text: &Value) -> Res<()> {
        if let Some((listener, who)) = &self.listener {
            return (listener.data)(self.t, who, text);
        }
        self.object().place(self.saved.line, self.saved.column, self.saved.index);
        self.object().characters(self.t, text)
    }

    pub(super) fn cdata(&mut self, whole: bool) -> Result<(), Step> {
        let text = self.text();
        let (s, at) = (&text.text, text.at);
        if s[at..].starts_with(b"]]>") {
            self.report(Handler::EndCdataSectionHandler, &[], (at, at + 3))?;
            self.saved.state = State::Content;
            self.advance(at + 3);
            return Ok(());
        }
        let end = if s[at] == b'\n' {
            at + 1
        } else {
            let stop = lex::find(s, at, b"]]>").unwrap_or_else(|| {
                let held = s[at..].iter().rev().take(2).take_while(|&&b| b == b']').count();
                s.len() - held
            });
            memchr::memchr(b'\n', &s[at..stop]).map_or(stop, |n| at + n)
        };
        if let Some(bad) = lex::bad_char(s, at, end) {
            return Err(self.fail_at(bad, Code::INVALID_TOKEN));
        }
        if end == at {
            return if whole { Err(Step::Failed(Failure::Xml(Code::UNCLOSED_CDATA_SECTION))) } else { Err(Step::More) };
        }
        self.characters((at, end))
    }

    fn cdata_start(&mut self) -> Result<(), Step> {
        let text = self.text();
        let (s, at) = (&text.text, text.at);
        const START: &[u8] = b"<![CDATA[";
        let there = &s[at..s.len().min(at + START.len())];
        if there != START {
            let wrong = there.iter().zip(START).position(|(a, b)| a != b);
            return Err(wrong.map_or(Step::More, |n| self.fail_at(at + n, Code::INVALID_TOKEN)));
        }
        self.report(Handler::StartCdataSectionHandler, &[], (at, at + START.len()))?;
        self.saved.state = State::Cdata;
        self.advance(at + START.len());
        Ok(())
    }

    pub(super) fn comment(&mut self) -> Result<(), Step> {
        let text = self.text();
        let (s, at) = (&text.text, text.at);
        if s.len() < at + 4 {
            return Err(Step::More);
        }
        if !s[at..].starts_with(b"<!--") {
            return Err(self.fail_at(at + 3, Code::INVALID_TOKEN));
        }
        let Some(end) = lex::find(s, at + 4, b"--").filter(|&end| end + 2 < s.len()) else { return Err(Step::More) };
        if s[end + 2] != b'>' {
            return Err(self.fail_at(end + 2, Code::INVALID_TOKEN));
        }
        if let Some(bad) = lex::bad_char(s, at, end) {
            return Err(self.fail_at(bad, Code::INVALID_TOKEN));
        }
        let inside = self.value((at + 4, end))?;
        self.report(Handler::CommentHandler, &[inside], (at, end + 3))?;
        self.advance(end + 3);
        Ok(())
    }

    pub(super) fn instruction(&mut self) -> Result<(), Step> {
        let text = self.text();
        let (s, at) = (&text.text, text.at);
        let name_end = match lex::name(s, at + 2) {
            Ok(end) => end,
            Err(stop) => return Err(self.stopped(stop)),
        };
        let Some(end) = lex::find(s, name_end, b"?>") else { return Err(Step::More) };
        let target = lex::text(s, (at + 2, name_end)).to_string();
        if target.eq_ignore_ascii_case("xml") {
            if target != "xml" {
                return Err(self.fail_at(at + 2, Code::INVALID_TOKEN));
            }
            if self.saved.index > 0 || self.saved.texts.len() > 1 {
                return Err(Step::Failed(Failure::Xml(Code::MISPLACED_XML_PI)));
            }
            return self.declaration(name_end, end);
        }
        let data = lex::skip_space(s, name_end);
        if data == name_end && end > name_end {
            return Err(self.fail_at(name_end, Code::INVALID_TOKEN));
        }
        if let Some(bad) = lex::bad_char(s, at, end) {
            return Err(self.fail_at(bad, Code::INVALID_TOKEN));
        }
        let args = [self.value((at + 2, name_end))?, self.value((data.min(end), end))?];
        self.report(Handler::ProcessingInstructionHandler, &args, (at, end + 2))?;
        self.advance(end + 2);
        Ok(())
    }

    /// The XML declaration: `version`, then perhaps `encoding` and `standalone`.
    fn declaration(&mut self, from: usize, end: usize) -> Result<(), Step> {
        const NAMES: [&str; 3] = ["version", "encoding", "standalone"];
        let bad = if self.saved.external { Code::TEXT_DECL } else { Code::XML_DECL };
        let text = self.text();
        let (s, start) = (text.text.clone(), text.at);
        let mut found: [Option<String>; 3] = [None, None, None];
        let (mut at, mut least) = (from, 0);
        loop {
            let next = lex::skip_space(&s[..end], at);
            if next == end {
                break;
            }
            let name_end = lex::name_token(&s[..end], next);
            let name = lex::text(&s, (next, name_end));
            let place = NAMES.iter().position(|&n| n == name).filter(|&i| i >= least && next > at);
            let equals = lex::skip_space(&s[..end], name_end);
            let (Some(i), Some(b'=')) = (place, s[..end].get(equals)) else { return Err(self.fail_at(next, bad)) };
            let Ok(inside) = lex::quoted(&s[..end], lex::skip_space(&s[..end], equals + 1)) else {
                return Err(self.fail_at(next, bad));
            };
            found[i] = Some(lex::text(&s, inside).to_string());
            least = i + 1;
            at = inside.1 + 1;
        }
        let [version, encoding, standalone] = found;
        let standalone = match standalone.as_deref() {
            None => -1,
            Some("yes") => 1,
            Some("no") => 0,
            Some(_) => return Err(self.fail_at(start, bad)),
        };
        if version.is_none() && !self.saved.external {
            return Err(self.fail_at(from, bad));
        }
        self.saved.dtd.borrow_mut().standalone = standalone == 1;
        let t = self.t;
        let or_none = |text: Option<String>| text.map_or(Ok(Value::NONE), |text| input::value(t, &text));
        let args = [or_none(version)?, or_none(encoding)?, Value::small(standalone)];
        self.report(Handler::XmlDeclHandler, &args, (start, end + 2))?;
        self.advance(end + 2);
        Ok(())
    }

    /// `&name;` in content.
    fn reference(&mut self) -> Result<(), Step> {
        let text = self.text();
        let (s, at) = (&text.text, text.at);
        let hash = s.get(at + 1) == Some(&b'#');
        let name_end = match if hash { Ok(lex::name_token(s, at + 2)) } else { lex::name(s, at + 1) } {
            Ok(end) => end,
            Err(stop) => return Err(self.stopped(stop)),
        };
        match s.get(name_end) {
            None => return Err(Step::More),
            Some(b';') => {}
            Some(_) => return Err(self.fail_at(name_end, Code::INVALID_TOKEN)),
        }
        let (name, token) = (lex::text(s, (at + 1, name_end)).to_string(), (at, name_end + 1));
        let single = if hash {
            let Some(c) = lex::char_ref(&name) else { return Err(Step::Failed(Failure::Xml(Code::BAD_CHAR_REF))) };
            Some(c)
        } else {
            lex::predefined(&name)
        };
        if let Some(c) = single {
            if self.has(Handler::CharacterDataHandler) {
                let text = input::value(self.t, c.encode_utf8(&mut [0; 4]))?;
                self.tell(&text)?;
            } else {
                self.default(token)?;
            }
            self.advance(token.1);
            return Ok(());
        }
        self.entity_reference(&name, token)
    }

    fn entity_reference(&mut self, name: &str, token: (usize, usize)) -> Result<(), Step> {
        let found = self.saved.dtd.borrow().general.get(name).cloned();
        let Some(entity) = found else {
            if !self.saved.dtd.borrow().may_be_elsewhere() {
                return Err(Step::Failed(Failure::Xml(Code::UNDEFINED_ENTITY)));
            }
            return self.skip_entity(name, token);
        };
        if entity.open {
            return Err(Step::Failed(Failure::Xml(Code::RECURSIVE_ENTITY_REF)));
        }
        if entity.notation.is_some() {
            return Err(Step::Failed(Failure::Xml(Code::BINARY_ENTITY_REF)));
        }
        match &entity.value {
            Some(_) if self.has(Handler::DefaultHandler) && !self.has(Handler::DefaultHandlerExpand) => {
                self.skip_entity(name, token)
            }
            Some(value) => {
                let value = value.clone();
                self.advance(token.1);
                self.saved.dtd.borrow_mut().open(name);
                self.enter(name, value)?;
                Ok(())
            }
            None => self.external_entity(name, &entity, token),
        }
    }

    fn skip_entity(&mut self, name: &str, token: (usize, usize)) -> Result<(), Step> {
        let args = [input::value(self.t, name)?, Value::small(0)];
        self.report(Handler::SkippedEntityHandler, &args, token)?;
        self.advance(token.1);
        Ok(())
    }

    fn external_entity(&mut self, name: &str, entity: &Entity, token: (usize, usize)) -> Result<(), Step> {
        let t = self.t;
        let or_none = |text: &Option<String>| text.as_ref().map_or(Ok(Value::NONE), |text| input::value(t, text));
        let args = [input::value(t, name)?, self.object().base(), or_none(&entity.system)?, or_none(&entity.public)?];
        self.saved.dtd.borrow_mut().open(name);
        let answer = self.call(Handler::ExternalEntityRefHandler, &args)?;
        self.saved.dtd.borrow_mut().close(name);
        match answer {
            Some(v) if !self.truth(&v)? => return Err(Step::Failed(Failure::Xml(Code::EXTERNAL_ENTITY_HANDLING))),
            Some(_) => {}
            None => self.default(token)?,
        }
        self.advance(token.1);
        Ok(())
    }

    /// Appends a value with its references replaced.
    pub(super) fn expand_value(&mut self, raw: &str, out: &mut String, depth: usize) -> Result<(), Step> {
        let fail = |code| Err(Step::Failed(Failure::Xml(code)));
        let mut rest = raw;
        while let Some(n) = rest.find(['&', '\n', '\t', '<']) {
            out.push_str(&rest[..n]);
            rest = &rest[n..];
            if !rest.starts_with('&') {
                if rest.starts_with('<') {
                    return fail(Code::INVALID_TOKEN);
                }
                out.push(' ');
                rest = &rest[1..];
                continue;
            }
            let Some(end) = rest.find(';') else { return fail(Code::INVALID_TOKEN) };
            let name = &rest[1..end];
            rest = &rest[end + 1..];
            if name.starts_with('#') {
                let Some(c) = lex::char_ref(name) else { return fail(Code::BAD_CHAR_REF) };
                out.push(c);
            } else if let Some(c) = lex::predefined(name) {
                out.push(c);
            } else {
                self.expand_entity(name, out, depth)?;
            }
            self.t.check_alloc(out.len() * 2)?;
        }
        out.push_str(rest);
        Ok(())
    }

    fn expand_entity(&mut self, name: &str, out: &mut String, depth: usize) -> Result<(), Step> {
        let fail = |code| Err(Step::Failed(Failure::Xml(code)));
        let found = self.saved.dtd.borrow().general.get(name).cloned();
        let Some(entity) = found else {
            return if self.saved.dtd.borrow().may_be_elsewhere() { Ok(()) } else { fail(Code::UNDEFINED_ENTITY) };
        };
        match entity.value {
            _ if entity.open || depth > 256 => fail(Code::RECURSIVE_ENTITY_REF),
            _ if entity.notation.is_some() => fail(Code::BINARY_ENTITY_REF),
            None => fail(Code::ATTRIBUTE_EXTERNAL_ENTITY_REF),
            Some(value) => {
                self.count_expansion(value.len())?;
                self.saved.dtd.borrow_mut().open(name);
                let expanded = self.expand_value(&value, out, depth + 1);
                self.saved.dtd.borrow_mut().close(name);
                expanded
            }
        }
    }
}
