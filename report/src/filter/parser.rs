//! A filter's text as a tree. What its names mean is not looked at here.

use kindling_proto::limits;

use super::lexer::{Kind, Token, tokens};
use super::problem::{FilterError, Span};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// What a field is held against.
#[derive(Debug)]
pub(super) struct Literal {
    pub(super) text: String,
    /// Quotes make a text of anything.
    pub(super) is_quoted: bool,
    pub(super) span: Span,
}

/// What stands to the left. A quoted name is one that somebody gave, never one of our own words.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) text: String,
    /// The word before the point, if what is behind it is quoted.
    pub(super) group: Option<String>,
    pub(super) is_quoted: bool,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) enum Test {
    Equal { negated: bool, values: Vec<Literal> },
    Order { order: Order, value: Literal, span: Span },
    Contains { value: Literal, span: Span },
    Missing { negated: bool },
}

#[derive(Debug)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Test(Name, Test),
}

/// Words that are no names unless they are quoted.
pub(super) const KEYWORDS: [&str; 6] = ["and", "or", "not", "in", "is", "contains"];

/// `None` if nothing is asked.
pub(super) fn parse(text: &str) -> Result<Option<Node>, FilterError> {
    let mut parser = Parser { all: tokens(text)?, place: 0, depth: 0 };
    parser.whole()
}

const BETWEEN: &str = "two conditions need a word between them";
const JOIN: &str = "write `and` or `or`";
const NOT_CLOSED: &str = "this parenthesis is not closed";

struct Parser {
    all: Vec<Token>,
    place: usize,
    depth: usize,
}

impl Parser {
    fn whole(&mut self) -> Result<Option<Node>, FilterError> {
        if self.is_over() {
            return Ok(None);
        }
        let node = self.any()?;
        if self.is_over() {
            return Ok(Some(node));
        }
        let now = self.now();
        Err(if now.kind == Kind::Sign && now.text == ")" {
            now.span.problem("this parenthesis was not opened")
        } else {
            now.span.with_hint(BETWEEN, JOIN)
        })
    }

    fn now(&self) -> &Token {
        &self.all[self.place]
    }

    fn is_over(&self) -> bool {
        self.now().kind == Kind::End
    }

    fn next(&mut self) -> Token {
        let token = self.now().clone();
        if token.kind != Kind::End {
            self.place += 1;
        }
        token
    }

    /// Whether the next token is this word, and if so, it is taken.
    fn word(&mut self, text: &str) -> bool {
        let now = self.now();
        let found = now.kind == Kind::Word && now.text.eq_ignore_ascii_case(text);
        self.place += usize::from(found);
        found
    }

    fn sign(&mut self, text: &str) -> bool {
        let now = self.now();
        let found = now.kind == Kind::Sign && now.text == text;
        self.place += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<Node, FilterError> {
        let first = self.every()?;
        let mut parts = vec![first];
        while self.word("or") {
            parts.push(self.every()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Node::Any(parts) })
    }

    fn every(&mut self) -> Result<Node, FilterError> {
        let first = self.one()?;
        let mut parts = vec![first];
        while self.word("and") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Node::All(parts) })
    }

    fn one(&mut self) -> Result<Node, FilterError> {
        let opening = self.now().span;
        if self.word("not") {
            return Ok(Node::Not(Box::new(self.deeper(opening, Self::one)?)));
        }
        if !self.sign("(") {
            return self.test();
        }
        let inner = self.deeper(opening, Self::any)?;
        if self.sign(")") {
            return Ok(inner);
        }
        Err(if self.is_over() {
            opening.problem(NOT_CLOSED)
        } else {
            self.now().span.with_hint(BETWEEN, JOIN)
        })
    }

    fn deeper(
        &mut self,
        opening: Span,
        make: fn(&mut Self) -> Result<Node, FilterError>,
    ) -> Result<Node, FilterError> {
        self.depth += 1;
        if self.depth > limits::FILTER_DEPTH {
            let most = limits::FILTER_DEPTH;
            return Err(opening.problem(format!("a filter nests at most {most} deep")));
        }
        let node = make(self)?;
        self.depth -= 1;
        Ok(node)
    }

    fn test(&mut self) -> Result<Node, FilterError> {
        let name = self.name()?;
        let token = self.now().clone();
        let order = match (token.kind, token.text.as_str()) {
            (Kind::Sign, "<") => Some(Order::Less),
            (Kind::Sign, "<=") => Some(Order::AtMost),
            (Kind::Sign, ">") => Some(Order::More),
            (Kind::Sign, ">=") => Some(Order::AtLeast),
            _ => None,
        };
        let test = if let Some(order) = order {
            self.next();
            Test::Order { order, value: self.value()?, span: token.span }
        } else if self.sign("=") {
            Test::Equal { negated: false, values: vec![self.value()?] }
        } else if self.sign("!=") {
            Test::Equal { negated: true, values: vec![self.value()?] }
        } else if self.word("contains") {
            Test::Contains { value: self.value()?, span: token.span }
        } else if self.word("is") {
            Test::Missing { negated: self.missing()? }
        } else {
            let negated = self.word("not");
            if !self.word("in") {
                let span = self.now().span;
                return Err(if negated {
                    let hint = "write `not` before the name to turn a comparison round";
                    span.with_hint("behind `not` comes `in`", hint)
                } else {
                    span.with_hint(
                        format!("a comparison is missing behind `{}`", name.text),
                        "`=`, `!=`, `<`, `<=`, `>`, `>=`, `in (…)`, `contains` or `is missing`",
                    )
                });
            }
            Test::Equal { negated, values: self.list()? }
        };
        Ok(Node::Test(name, test))
    }

    fn name(&mut self) -> Result<Name, FilterError> {
        let Token { kind, text, span } = self.next();
        let is_keyword = kind == Kind::Word && is_keyword(&text);
        if !matches!(kind, Kind::Word | Kind::Quoted) || is_keyword {
            let hint = "a parameter, a metric, or a word such as `state`";
            return Err(span.with_hint("a name is missing here", hint));
        }
        let behind = self.now().clone();
        let is_joined = kind == Kind::Word
            && text.ends_with('.')
            && behind.kind == Kind::Quoted
            && behind.span.at == span.at + span.length;
        if is_joined {
            self.next();
            let span = Span { at: span.at, length: span.length + behind.span.length };
            let group = text.strip_suffix('.').map(str::to_owned);
            return Ok(Name { text: behind.text, group, is_quoted: true, span });
        }
        Ok(Name { text, group: None, is_quoted: kind == Kind::Quoted, span })
    }

    fn value(&mut self) -> Result<Literal, FilterError> {
        let Token { kind, text, span } = self.next();
        if matches!(kind, Kind::Word | Kind::Quoted) {
            return Ok(Literal { text, is_quoted: kind == Kind::Quoted, span });
        }
        let hint = "a number, a word, or a text in quotes";
        Err(span.with_hint("a value is missing here", hint))
    }

    fn list(&mut self) -> Result<Vec<Literal>, FilterError> {
        let opening = self.now().span;
        if !self.sign("(") {
            return Err(opening.with_hint("a list is missing here", "write `in (a, b)`"));
        }
        let mut values = vec![self.value()?];
        while self.sign(",") {
            values.push(self.value()?);
        }
        if self.sign(")") {
            return Ok(values);
        }
        Err(if self.is_over() {
            opening.problem(NOT_CLOSED)
        } else {
            self.now().span.problem("two values need a comma between them")
        })
    }

    fn missing(&mut self) -> Result<bool, FilterError> {
        let negated = self.word("not");
        if self.word("missing") {
            return Ok(negated);
        }
        let message = "behind `is` comes `missing` or `not missing`";
        Err(self.now().span.with_hint(message, "write `=` to compare"))
    }
}

pub(super) fn is_keyword(text: &str) -> bool {
    KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(text))
}
