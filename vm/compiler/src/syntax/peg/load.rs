//! The grammar file as a table of rules.

use crate::syntax::lex::kind;
use std::collections::HashMap;
use std::sync::LazyLock;

/// One thing an alternative asks for.
#[derive(Debug)]
pub enum Item {
    /// A token of this kind.
    Token(u8),
    /// A name with this text.
    Soft(Box<str>),
    /// A name that is a soft keyword.
    AnySoft,
    /// A rule, by index.
    Rule(usize),
    /// One of several.
    Group(Vec<Alt>),
    /// Present or not.
    Optional(Box<Item>),
    /// Any number.
    Star(Box<Item>),
    /// One or more.
    Plus(Box<Item>),
    /// One or more with a separator.
    Separated(Box<Item>, Box<Item>),
    /// Look ahead.
    And(Box<Item>),
    /// Look ahead, refusing.
    Not(Box<Item>),
    /// No other alternative from here on.
    Cut,
    /// A token that must come.
    Demand(u8, Box<str>),
}

/// What an alternative gives.
#[derive(Debug)]
pub enum Action {
    /// A sequence of all items.
    Plain,
    /// One item.
    Pick(usize),
    /// A node; the flag splices the item's children.
    Node(Kind, Vec<(usize, bool)>),
    /// A refusal.
    Refuse(Place, Vec<usize>, Box<str>),
    /// A refusal of the first thing that is no target.
    Target(Targets, usize),
    /// A rule of its own, in Rust.
    Do(Box<str>, Vec<usize>, Box<str>),
}

/// Where a refusal points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The newest token.
    Newest,
    /// The newest token, as `IndentationError`.
    NewestIndent,
    /// The next token.
    Next,
    /// A node.
    At,
    /// From a node to the cursor.
    From,
    /// From one node to the end of another.
    Range,
}

/// Which targets are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets {
    /// Of an assignment.
    Star,
    /// Of `for`.
    For,
    /// Of `del`.
    Del,
}

/// An alternative of a rule.
#[derive(Debug)]
pub struct Alt {
    /// What it asks for.
    pub items: Vec<Item>,
    /// What it gives.
    pub action: Action,
    /// Whether it counts in the second pass only.
    pub second_pass: bool,
}

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Name.
    pub name: Box<str>,
    /// Alternatives, in order.
    pub alts: Vec<Alt>,
    /// Whether results are remembered for both passes alike.
    pub shared_memo: bool,
    /// Whether it starts with itself.
    pub left: bool,
    /// Whether refusals are off inside.
    pub quiet: bool,
    /// Whether results must not be remembered.
    pub through: bool,
}

macro_rules! node_kinds {
    ($($name:ident),* $(,)?) => {
        /// What a node of the diagnoser's tree is.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Kind { $(#[doc = concat!("`", stringify!($name), "`.")] $name),* }
        impl Kind {
            fn from_name(name: &str) -> Option<Self> {
                match name { $(stringify!($name) => Some(Self::$name),)* _ => None }
            }
        }
    };
}

node_kinds!(
    Absent,
    Token,
    Seq,
    Name,
    Number,
    Literal,
    True,
    False,
    None,
    Ellipsis,
    Stmt,
    Tuple,
    List,
    Set,
    Dict,
    ListComp,
    SetComp,
    DictComp,
    GeneratorExp,
    IfExp,
    Lambda,
    Yield,
    Await,
    Starred,
    NamedExpr,
    BoolOp,
    UnaryOp,
    BinOp,
    Compare,
    InPair,
    Attribute,
    Subscript,
    Call,
    Args,
    Keyword,
    DoubleStar,
    JoinedStr,
    TemplateStr,
    Bytes,
);

/// The loaded grammar.
pub struct Grammar {
    /// Rules; a rule's index is its name elsewhere.
    pub rules: Vec<Rule>,
    names: HashMap<String, usize>,
}

impl Grammar {
    /// A rule's index.
    pub fn rule(&self, name: &str) -> usize {
        self.names.get(name).copied().unwrap_or(0)
    }
}

/// The grammar of this crate.
pub static GRAMMAR: LazyLock<Grammar> = LazyLock::new(|| load(include_str!("grammar.txt")));

#[derive(Clone, PartialEq, Eq, Debug)]
enum Lexeme {
    Word(String),
    Hard(String),
    Soft(String),
    Sign(char),
    Splice,
    Arrow,
}

fn lexemes(line: &str) -> Vec<Lexeme> {
    let chars: Vec<char> = line.chars().collect();
    let (mut out, mut i) = (Vec::new(), 0);
    while let Some(&c) = chars.get(i) {
        if c == ' ' {
            i += 1;
        } else if c == '\'' || c == '"' {
            let mut text = String::new();
            i += 1;
            while chars[i] != c {
                i += usize::from(chars[i] == '\\');
                text.push(chars[i]);
                i += 1;
            }
            i += 1;
            out.push(if c == '"' { Lexeme::Soft(text) } else { Lexeme::Hard(text) });
        } else if c.is_alphanumeric() || c == '_' {
            let start = i;
            while chars.get(i).is_some_and(|c| c.is_alphanumeric() || *c == '_') {
                i += 1;
            }
            out.push(Lexeme::Word(chars[start..i].iter().collect()));
        } else if c == '=' && chars.get(i + 1) == Some(&'>') {
            out.push(Lexeme::Arrow);
            i += 2;
        } else if c == '.' && chars.get(i + 1) == Some(&'.') {
            out.push(Lexeme::Splice);
            i += 2;
        } else {
            out.push(Lexeme::Sign(c));
            i += 1;
        }
    }
    out
}

struct Loader<'a> {
    names: &'a HashMap<String, usize>,
    lexemes: Vec<Lexeme>,
    at: usize,
}

fn load(text: &str) -> Grammar {
    let lines: Vec<&str> = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    let heads: Vec<&str> = lines.iter().filter_map(|l| l.strip_suffix(':')).collect();
    let names: HashMap<String, usize> =
        heads.iter().enumerate().map(|(i, h)| (h.split(' ').next().unwrap_or("").to_owned(), i)).collect();
    let mut rules: Vec<Rule> = Vec::new();
    for line in lines {
        if let Some(head) = line.strip_suffix(':') {
            let flag = |f: &str| head.split(' ').skip(1).any(|w| w == f);
            rules.push(Rule {
                name: head.split(' ').next().unwrap_or("").into(),
                alts: Vec::new(),
                shared_memo: flag("memo"),
                left: flag("left"),
                quiet: flag("quiet"),
                through: flag("through"),
            });
        } else if let (Some(body), Some(rule)) = (line.strip_prefix("| "), rules.last_mut()) {
            let mut loader = Loader { names: &names, lexemes: lexemes(body), at: 0 };
            rule.alts.push(loader.alt());
        }
    }
    Grammar { rules, names }
}

impl Loader<'_> {
    fn peek(&self) -> Option<&Lexeme> {
        self.lexemes.get(self.at)
    }

    fn take(&mut self) -> Lexeme {
        self.at += 1;
        self.lexemes[self.at - 1].clone()
    }

    fn sign(&mut self, c: char) -> bool {
        let found = self.peek() == Some(&Lexeme::Sign(c));
        self.at += usize::from(found);
        found
    }

    fn word(&mut self) -> String {
        match self.take() {
            Lexeme::Word(word) => word,
            other => panic!("a word is wanted in the grammar, not {other:?}"),
        }
    }

    fn alt_ends(&self) -> bool {
        matches!(self.peek(), None | Some(Lexeme::Sign('|' | ')' | ']') | Lexeme::Arrow))
    }

    fn alt(&mut self) -> Alt {
        let (mut items, mut labels) = (Vec::new(), Vec::new());
        let mut second_pass = false;
        while !self.alt_ends() {
            let label = match (self.peek(), self.lexemes.get(self.at + 1)) {
                (Some(Lexeme::Word(word)), Some(Lexeme::Sign('='))) => {
                    let word = word.clone();
                    self.at += 2;
                    Some(word)
                }
                _ => None,
            };
            second_pass |= items.is_empty() && self.names_invalid();
            items.push(self.item());
            labels.push(label);
        }
        second_pass &= items.len() == 1;
        let action = if self.peek() == Some(&Lexeme::Arrow) {
            self.at += 1;
            self.action(&labels)
        } else {
            let seen = |item: &Item| !matches!(item, Item::And(_) | Item::Not(_) | Item::Cut);
            let mut real = items.iter().enumerate().filter(|(_, item)| seen(item)).map(|(i, _)| i);
            match (real.next(), real.next()) {
                (Some(only), None) => Action::Pick(only),
                _ => Action::Plain,
            }
        };
        Alt { items, action, second_pass }
    }

    fn names_invalid(&self) -> bool {
        matches!(self.peek(), Some(Lexeme::Word(word)) if word.starts_with("invalid_"))
    }

    fn label(&mut self, labels: &[Option<String>]) -> usize {
        let word = self.word();
        match labels.iter().position(|l| l.as_deref() == Some(&word)) {
            Some(at) => at,
            None => panic!("no label {word} in the grammar's alternative"),
        }
    }

    fn labels_here(&mut self, labels: &[Option<String>]) -> Vec<usize> {
        let mut out = Vec::new();
        while matches!(self.peek(), Some(Lexeme::Word(_))) {
            out.push(self.label(labels));
        }
        out
    }

    fn message(&mut self) -> Box<str> {
        match self.peek() {
            Some(Lexeme::Soft(text)) => {
                let text = text.clone().into();
                self.at += 1;
                text
            }
            _ => "".into(),
        }
    }

    fn action(&mut self, labels: &[Option<String>]) -> Action {
        let word = self.word();
        let place = match word.as_str() {
            "err" => Some(Place::Newest),
            "indent" => Some(Place::NewestIndent),
            "next" => Some(Place::Next),
            "at" => Some(Place::At),
            "from" => Some(Place::From),
            "range" => Some(Place::Range),
            _ => None,
        };
        if let Some(place) = place {
            let nodes = self.labels_here(labels);
            let message = self.message();
            // A message may name labels too: they are kept behind the nodes that give the place.
            let mut all = nodes;
            let named: Vec<usize> = message
                .split('{')
                .skip(1)
                .filter_map(|part| part.split('}').next()?.split(' ').nth(1))
                .filter_map(|name| labels.iter().position(|l| l.as_deref() == Some(name)))
                .collect();
            all.extend(named);
            return Action::Refuse(place, all, message);
        }
        if word == "target" {
            let which = match self.word().as_str() {
                "STAR" => Targets::Star,
                "FOR" => Targets::For,
                _ => Targets::Del,
            };
            return Action::Target(which, self.label(labels));
        }
        if word == "do" {
            let name = self.word().into();
            return Action::Do(name, self.labels_here(labels), self.message());
        }
        let Some(kind) = Kind::from_name(&word) else {
            self.at -= 1;
            return Action::Pick(self.label(labels));
        };
        let mut kids = Vec::new();
        while !self.alt_ends() {
            let splice = self.peek() == Some(&Lexeme::Splice);
            self.at += usize::from(splice);
            kids.push((self.label(labels), splice));
        }
        Action::Node(kind, kids)
    }

    fn group(&mut self, close: char) -> Item {
        let mut alts = vec![self.alt()];
        while self.sign('|') {
            alts.push(self.alt());
        }
        assert!(self.sign(close), "the grammar's group is not closed");
        Item::Group(alts)
    }

    fn item(&mut self) -> Item {
        if self.sign('~') {
            return Item::Cut;
        }
        if self.sign('!') {
            return Item::Not(Box::new(self.atom()));
        }
        if self.sign('&') {
            if self.sign('&') {
                let Lexeme::Hard(text) = self.take() else { panic!("&& takes a token") };
                return Item::Demand(token_kind(&text), text.into());
            }
            return Item::And(Box::new(self.atom()));
        }
        let atom = self.atom();
        if self.sign('?') {
            Item::Optional(Box::new(atom))
        } else if self.sign('*') {
            Item::Star(Box::new(atom))
        } else if self.sign('+') {
            Item::Plus(Box::new(atom))
        } else if self.sign('.') {
            let element = self.atom();
            assert!(self.sign('+'), "a separated list ends with +");
            Item::Separated(Box::new(atom), Box::new(element))
        } else {
            atom
        }
    }

    fn atom(&mut self) -> Item {
        match self.take() {
            Lexeme::Sign('(') => self.group(')'),
            Lexeme::Sign('[') => Item::Optional(Box::new(self.group(']'))),
            Lexeme::Hard(text) => Item::Token(token_kind(&text)),
            Lexeme::Soft(text) if text.starts_with(|c: char| c.is_alphabetic() || c == '_') => Item::Soft(text.into()),
            Lexeme::Soft(text) => Item::Token(token_kind(&text)),
            Lexeme::Word(word) if word == "SOFT_KEYWORD" => Item::AnySoft,
            Lexeme::Word(word) => match kind::NAMES.iter().find(|(name, _)| *name == word) {
                Some(&(_, kind)) => Item::Token(kind),
                None => match self.names.get(&word) {
                    Some(&rule) => Item::Rule(rule),
                    None => panic!("no rule {word} in the grammar"),
                },
            },
            other => panic!("{other:?} begins no item of the grammar"),
        }
    }
}

fn token_kind(text: &str) -> u8 {
    match kind::keyword(text.as_bytes()).or_else(|| kind::operator(text.as_bytes())) {
        Some(kind) => kind,
        None => panic!("no token {text} in the grammar"),
    }
}
