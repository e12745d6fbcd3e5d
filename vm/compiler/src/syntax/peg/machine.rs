//! The machine that runs the grammar over tokens, remembering what it found where.
//!
//! It accepts exactly what CPython's parser accepts, in the same order of attempts, because the place of an
//! "invalid syntax" is the farthest token the attempts looked at. Steps are counted, so it always ends.

use super::load::{Action, Alt, Grammar, Item, Kind, Rule};
use crate::error::SyntaxError;
use crate::mode::Mode;
use crate::syntax::lex::{Done, Scanner, Token, kind};
use crate::wanted;
use rustc_hash::FxHashMap;

/// A node's number.
pub type NodeId = u32;

/// Rules may nest this deep before the source counts as too complex.
const MAX_DEPTH: u32 = 30_000;
/// Attempts before the machine gives up.
const MAX_STEPS: u64 = 12_000_000;

/// A node: what was found from one token to another.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// First token.
    pub first: u32,
    /// Last token.
    pub last: u32,
    kids: (u32, u32),
}

/// What the machine works on.
pub struct Machine<'g> {
    grammar: &'g Grammar,
    /// The scanner, whose state gives some errors their place.
    pub scanner: Scanner,
    /// Tokens asked for so far.
    pub tokens: Vec<Token>,
    /// The next token's index.
    pub mark: usize,
    /// Nodes by number; number 0 is the absent one.
    nodes: Vec<Node>,
    kids: Vec<NodeId>,
    memo: FxHashMap<(u32, u32), (NodeId, u32)>,
    /// The refusal, once there is one.
    pub error: Option<SyntaxError>,
    /// Whether refusing rules count.
    pub refusing: bool,
    depth: u32,
    steps: u64,
    /// Whether the machine gave up.
    pub exhausted: bool,
    /// What is parsed.
    pub mode: Mode,
    /// Digits that an int literal may have; 0 means any number.
    pub int_max_digits: u32,
    /// Whether `from __future__ import barry_as_FLUFL` holds.
    pub barry: bool,
    /// Whether blocks must be closed by the source itself.
    pub dont_imply_dedent: bool,
    /// Line and byte column of the last whole compound statement.
    pub last_compound: (u32, u32),
    pub(super) line_starts: Vec<usize>,
    parsing_started: bool,
    top_level: bool,
}

impl<'g> Machine<'g> {
    /// A machine over `scanner`'s tokens.
    pub fn new(grammar: &'g Grammar, scanner: Scanner, mode: Mode) -> Self {
        let mut line_starts = vec![0];
        line_starts.extend(scanner.source().iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1));
        let absent = Node { kind: Kind::Absent, first: 0, last: 0, kids: (0, 0) };
        Self {
            grammar,
            scanner,
            tokens: Vec::new(),
            mark: 0,
            nodes: vec![absent],
            kids: Vec::new(),
            memo: FxHashMap::default(),
            error: None,
            refusing: false,
            depth: 0,
            steps: 0,
            exhausted: false,
            mode,
            int_max_digits: 4300,
            barry: false,
            dont_imply_dedent: false,
            last_compound: (0, 0),
            line_starts,
            parsing_started: false,
            top_level: false,
        }
    }

    /// Runs from the start rule; true when the source is accepted.
    pub fn run(&mut self) -> bool {
        let name = match self.mode {
            Mode::Exec => "file",
            Mode::Single => "interactive",
            Mode::Eval => "eval",
            Mode::FuncType => "func_type",
        };
        self.mark = 0;
        self.memo.clear();
        self.nodes.truncate(1);
        self.kids.clear();
        self.steps = 0;
        self.depth = 0;
        self.rule(self.grammar.rule(name)).is_some()
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> Node {
        self.nodes[id as usize]
    }

    /// A node's children.
    pub fn kids(&self, id: NodeId) -> &[NodeId] {
        let (start, len) = self.node(id).kids;
        &self.kids[start as usize..(start + len) as usize]
    }

    /// The text of a token.
    pub fn token_text(&self, token: Token) -> &[u8] {
        self.scanner.bytes(token.start, token.end)
    }

    fn stopped(&self) -> bool {
        self.error.is_some() || self.exhausted
    }

    /// Whether there is a token at `mark`, reading it if need be.
    pub fn fill(&mut self) -> bool {
        if self.mark < self.tokens.len() {
            return true;
        }
        let mut token = loop {
            let token = self.scanner.next(&mut || None);
            if token.kind != kind::TYPE_IGNORE {
                break token;
            }
        };
        if self.mode == Mode::Single && token.kind == kind::ENDMARKER && self.parsing_started {
            token.kind = kind::NEWLINE;
            self.parsing_started = false;
            if self.scanner.in_block() && !self.dont_imply_dedent {
                self.scanner.close_blocks();
            }
        } else {
            self.parsing_started = true;
        }
        if token.kind == kind::NAME
            && let Some(keyword) = kind::keyword(self.token_text(token))
        {
            token.kind = keyword;
        }
        self.tokens.push(token);
        if token.kind == kind::ERRORTOKEN {
            self.scan_error();
            return false;
        }
        true
    }

    fn token(&mut self, want: u8) -> Option<NodeId> {
        if !self.fill() || self.tokens[self.mark].kind != want {
            return None;
        }
        let node_kind = match want {
            kind::NAME => Kind::Name,
            kind::NUMBER => Kind::Number,
            _ => Kind::Token,
        };
        let at = self.mark as u32;
        self.mark += 1;
        let id = self.push(node_kind, at, at, &[]);
        if want == kind::NUMBER && !self.check_number(at) {
            return None;
        }
        Some(id)
    }

    fn soft(&mut self, want: Option<&str>) -> Option<NodeId> {
        if !self.fill() || self.tokens[self.mark].kind != kind::NAME {
            return None;
        }
        let text = self.token_text(self.tokens[self.mark]);
        let fits = match want {
            Some(want) => text == want.as_bytes(),
            None => kind::SOFT_KEYWORDS.iter().any(|k| k.as_bytes() == text),
        };
        if fits { self.token(kind::NAME) } else { None }
    }

    /// Makes a node.
    pub fn push(&mut self, kind: Kind, first: u32, last: u32, kids: &[NodeId]) -> NodeId {
        let start = self.kids.len() as u32;
        self.kids.extend_from_slice(kids);
        self.nodes.push(Node { kind, first, last, kids: (start, kids.len() as u32) });
        self.nodes.len() as u32 - 1
    }

    /// Makes a node from `first` to the last token with text before `mark`.
    pub fn node_from(&mut self, kind: Kind, first: usize, kids: &[NodeId]) -> NodeId {
        let blank = |t: &Token| matches!(t.kind, kind::ENDMARKER | kind::NEWLINE | kind::INDENT | kind::DEDENT);
        let last = self.tokens[..self.mark].iter().rposition(|t| !blank(t)).unwrap_or(0);
        self.push(kind, first as u32, last.max(first) as u32, kids)
    }

    fn rule(&mut self, index: usize) -> Option<NodeId> {
        if self.stopped() {
            return None;
        }
        self.steps += 1;
        if self.steps > MAX_STEPS || wanted::step().is_err() {
            self.exhausted = true;
            return None;
        }
        if self.depth >= MAX_DEPTH {
            self.too_complex();
            return None;
        }
        let grammar = self.grammar;
        let rule = &grammar.rules[index];
        let key = (self.mark as u32, (index as u32) * 2 + u32::from(!rule.shared_memo && !rule.left && self.refusing));
        if !rule.through
            && let Some(&(node, mark)) = self.memo.get(&key)
        {
            self.mark = mark as usize;
            return (node != u32::MAX).then_some(node);
        }
        self.depth += 1;
        let found = stacker::maybe_grow(96 * 1024, 2 * 1024 * 1024, || {
            if rule.left { self.grow(rule, key) } else { self.rule_once(rule) }
        });
        self.depth -= 1;
        if !rule.through && !rule.left && !self.stopped() {
            self.memo.insert(key, (found.unwrap_or(u32::MAX), self.mark as u32));
        }
        found
    }

    fn rule_once(&mut self, rule: &'g Rule) -> Option<NodeId> {
        let refusing = self.refusing;
        self.refusing &= !rule.quiet;
        let start = self.mark;
        let outer = self.top_level;
        self.top_level = &*rule.name == "statements" && self.depth == 2;
        let found = self.alts(&rule.alts);
        self.top_level = outer;
        if found.is_none() {
            self.mark = start;
        }
        self.refusing = refusing;
        found
    }

    /// A rule that begins with itself: the result so far is what the inner use finds, until it grows no more.
    fn grow(&mut self, rule: &'g Rule, key: (u32, u32)) -> Option<NodeId> {
        let start = self.mark;
        let (mut best, mut best_mark) = (None, start);
        loop {
            self.memo.insert(key, (best.unwrap_or(u32::MAX), best_mark as u32));
            self.mark = start;
            let found = self.alts(&rule.alts);
            if self.stopped() {
                return None;
            }
            if found.is_none() || self.mark <= best_mark {
                break;
            }
            (best, best_mark) = (found, self.mark);
        }
        self.mark = best_mark;
        best
    }

    fn alts(&mut self, alts: &'g [Alt]) -> Option<NodeId> {
        let start = self.mark;
        for alt in alts {
            if alt.second_pass && !self.refusing {
                continue;
            }
            self.mark = start;
            let mut cut = false;
            if let Some(found) = self.alt(alt, &mut cut) {
                return Some(found);
            }
            if self.stopped() || cut {
                break;
            }
        }
        self.mark = start;
        None
    }

    fn alt(&mut self, alt: &'g Alt, cut: &mut bool) -> Option<NodeId> {
        let start = self.mark;
        let mut values: Vec<NodeId> = Vec::with_capacity(alt.items.len());
        for item in &alt.items {
            let value = match item {
                Item::Cut => {
                    *cut = true;
                    0
                }
                item => self.item(item)?,
            };
            values.push(value);
        }
        match &alt.action {
            Action::Plain => Some(self.node_from(Kind::Seq, start, &values)),
            Action::Pick(at) => Some(values[*at]),
            Action::Node(kind, picks) => {
                let mut kids = Vec::new();
                for &(at, splice) in picks {
                    if splice {
                        kids.extend_from_slice(self.kids(values[at]));
                    } else {
                        kids.push(values[at]);
                    }
                }
                Some(self.node_from(*kind, start, &kids))
            }
            Action::Refuse(place, nodes, message) => {
                let nodes: Vec<NodeId> = nodes.iter().map(|&at| values[at]).collect();
                self.refuse(*place, &nodes, message);
                None
            }
            Action::Target(which, at) => {
                self.refuse_target(*which, values[*at]);
                None
            }
            Action::Do(name, at, text) => {
                let nodes: Vec<NodeId> = at.iter().map(|&at| values[at]).collect();
                self.special(name, &nodes, text, start)
            }
        }
    }

    fn item(&mut self, item: &'g Item) -> Option<NodeId> {
        if self.stopped() {
            return None;
        }
        match item {
            Item::Token(kind) => self.token(*kind),
            Item::Soft(text) => self.soft(Some(text)),
            Item::AnySoft => self.soft(None),
            Item::Rule(index) => self.rule(*index),
            Item::Group(alts) => self.alts(alts),
            Item::Optional(inner) => {
                let start = self.mark;
                let found = self.item(inner);
                if self.stopped() {
                    return None;
                }
                if found.is_none() {
                    self.mark = start;
                }
                Some(found.unwrap_or(0))
            }
            Item::Star(inner) => self.repeat(inner, None, 0),
            Item::Plus(inner) => self.repeat(inner, None, 1),
            Item::Separated(separator, inner) => self.repeat(inner, Some(separator), 1),
            Item::And(inner) | Item::Not(inner) => {
                let start = self.mark;
                let found = self.item(inner).is_some();
                self.mark = start;
                let fits = found == matches!(item, Item::And(_));
                (fits && !self.stopped()).then_some(0)
            }
            Item::Cut => Some(0),
            Item::Demand(kind, text) => {
                let found = self.token(*kind);
                if found.is_none() && !self.stopped() {
                    self.refuse_demand(text);
                }
                found
            }
        }
    }

    fn repeat(&mut self, inner: &'g Item, separator: Option<&'g Item>, least: usize) -> Option<NodeId> {
        let start = self.mark;
        let top_level = self.top_level;
        self.top_level = false;
        let mut found = Vec::new();
        loop {
            let before = self.mark;
            if !found.is_empty()
                && let Some(separator) = separator
                && self.item(separator).is_none()
            {
                self.mark = before;
                break;
            }
            match self.item(inner) {
                Some(node) if self.mark > before => found.push(node),
                _ => {
                    self.mark = before;
                    break;
                }
            }
            if top_level {
                self.memo.clear();
            }
        }
        self.top_level = top_level;
        if self.stopped() {
            return None;
        }
        if found.len() < least {
            self.mark = start;
            return None;
        }
        Some(self.node_from(Kind::Seq, start, &found))
    }

    /// Whether the scanner came to the end of the text.
    pub fn at_end_of_text(&self) -> bool {
        matches!(self.scanner.done, Done::Eof | Done::EofInString | Done::EolInString)
    }
}
