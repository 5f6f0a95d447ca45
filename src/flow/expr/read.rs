//! Reads an expression, from `or` down to names and numbers.

use std::ops::Range;

use jiff::civil::Date;

use super::token::{Tok, Token, tokens};
use super::typed::{
    Typed, arithmetic, as_date, comparison, condition, constant, dates, kind_of_const, list,
    no_date, or_else,
};
use super::{EXPRESSION_BYTES_MAX, Expr, FUNCTIONS, Func, Function, Op, Wrong, wrong};
use crate::flow::fault::suggest;
use crate::flow::scope::{Known, Scope, Type, Val};

/// How deep parentheses and `not` may nest.
const DEPTH_MAX: usize = 24;

/// Reads a condition.
pub(crate) fn parse(source: &str, scope: &mut Scope) -> Result<Expr, Wrong> {
    let whole = whole(source, scope)?;
    if !whole.kind.meets(Type::Bool) {
        let words = format!(
            "this is {}, and a branch needs yes or no",
            whole.kind.word()
        );
        let help = "compare it with something, or ask `present(…)`".to_owned();
        return Err(Wrong {
            help: Some(help),
            ..wrong(whole.span, "type", words)
        });
    }
    Ok(whole.expr)
}

/// Reads a value of any type.
pub(crate) fn parse_value(source: &str, scope: &mut Scope) -> Result<(Expr, Type), Wrong> {
    let whole = whole(source, scope)?;
    match whole.kind {
        Type::List if matches!(whole.expr, Expr::Items(_)) => {
            let words = "a list cannot be put together here";
            Err(wrong(whole.span, "type", words))
        }
        kind => Ok((whole.expr, kind)),
    }
}

fn whole(source: &str, scope: &mut Scope) -> Result<Typed, Wrong> {
    if source.len() > EXPRESSION_BYTES_MAX {
        let words = format!("an expression has at most {EXPRESSION_BYTES_MAX} bytes");
        return Err(wrong(0..source.len(), "expression", words));
    }
    let tokens = tokens(source)?;
    let mut parser = Parser {
        source,
        tokens,
        at: 0,
        depth: 0,
        scope,
    };
    let whole = parser.or()?;
    if let Some(token) = parser.tokens.get(parser.at) {
        let words = format!("`{}` is not expected here", &source[token.span.clone()]);
        let help = "join conditions with `and` or `or`; compare with == != < <= > >=";
        return Err(Wrong {
            help: Some(help.to_owned()),
            ..wrong(token.span.clone(), "expression", words)
        });
    }
    Ok(whole)
}

struct Parser<'s> {
    source: &'s str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    scope: &'s mut Scope,
}

impl Parser<'_> {
    fn or(&mut self) -> Result<Typed, Wrong> {
        self.joined("or", Self::and, Expr::Or)
    }

    fn and(&mut self) -> Result<Typed, Wrong> {
        self.joined("and", Self::not, Expr::And)
    }

    fn joined(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Typed, Wrong>,
        join: fn(Vec<Expr>) -> Expr,
    ) -> Result<Typed, Wrong> {
        let first = part(self)?;
        if !self.is_word(word) {
            return Ok(first);
        }
        let mut span = first.span.clone();
        let mut parts = vec![condition(first)?];
        while self.take_word(word) {
            let next = part(self)?;
            span.end = next.span.end;
            parts.push(condition(next)?);
        }
        Ok(Typed {
            expr: join(parts),
            kind: Type::Bool,
            span,
        })
    }

    fn not(&mut self) -> Result<Typed, Wrong> {
        let start = self.place().start;
        if !self.take_word("not") {
            return self.compare();
        }
        self.deeper()?;
        let inner = self.not()?;
        self.depth -= 1;
        let span = start..inner.span.end;
        Ok(Typed {
            expr: Expr::Not(Box::new(condition(inner)?)),
            kind: Type::Bool,
            span,
        })
    }

    fn compare(&mut self) -> Result<Typed, Wrong> {
        let left = self.sum()?;
        let negated = self.is_word("not");
        if negated || self.is_word("in") {
            self.at += 1;
            if negated && !self.take_word("in") {
                return Err(wrong(
                    self.place(),
                    "expression",
                    "`not` is followed by `in` here",
                ));
            }
            return self.membership(left, negated);
        }
        let Some(op) = self.operator()? else {
            return Ok(left);
        };
        let right = self.sum()?;
        comparison(op, left, right)
    }

    fn membership(&mut self, left: Typed, negated: bool) -> Result<Typed, Wrong> {
        let right = self.sum()?;
        let span = left.span.start..right.span.end;
        let right = match left.kind {
            Type::Date => dates(right)?,
            _ => right,
        };
        let listed = match &right.expr {
            Expr::Items(items) => {
                // The kinds of a list's items were made one when it was read.
                items.first().map_or(Type::Any, kind_of_const)
            }
            _ if right.kind.meets(Type::List) => Type::Text,
            _ => {
                let words = format!("`in` looks into a list, and this is {}", right.kind.word());
                let help = Some("write the list as [\"a\", \"b\"]".to_owned());
                return Err(Wrong {
                    help,
                    ..wrong(right.span, "type", words)
                });
            }
        };
        if !left.kind.meets(listed) {
            let words = format!("{} is never in a list of another kind", left.kind.word());
            let help = Some("give the list values of this kind".to_owned());
            return Err(Wrong {
                help,
                ..wrong(left.span, "type", words)
            });
        }
        if let Expr::Name(Known::ContactCaseloads) = right.expr {
            self.caseloads_of(&left)?;
        }
        let expr = Expr::In(Box::new(left.expr), Box::new(right.expr));
        let expr = if negated {
            Expr::Not(Box::new(expr))
        } else {
            expr
        };
        Ok(Typed {
            expr,
            kind: Type::Bool,
            span,
        })
    }

    fn operator(&mut self) -> Result<Option<Op>, Wrong> {
        let Some(Token {
            tok: Tok::Sign(sign),
            span,
        }) = self.tokens.get(self.at)
        else {
            return Ok(None);
        };
        let op = match *sign {
            "==" => Op::Equal,
            "!=" => Op::Unequal,
            "<" => Op::Less,
            "<=" => Op::LessEqual,
            ">" => Op::Greater,
            ">=" => Op::GreaterEqual,
            "=" | "!" => {
                let help =
                    Some("equal is `==`, unequal is `!=`, and the opposite is `not`".to_owned());
                let words = format!("`{sign}` is no comparison");
                return Err(Wrong {
                    help,
                    ..wrong(span.clone(), "expression", words)
                });
            }
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(op))
    }

    /// A fixed text that is looked for among the contact's caseloads is one of the account's.
    fn caseloads_of(&self, wanted: &Typed) -> Result<(), Wrong> {
        let (Some(known), Expr::Const(Val::Text(key))) = (&self.scope.caseloads, &wanted.expr)
        else {
            return Ok(());
        };
        if known.contains(key) {
            return Ok(());
        }
        let words = format!("there is no caseload `{key}` in the account");
        Err(Wrong {
            help: Some(suggest(key, known.iter().map(String::as_str))),
            ..wrong(wanted.span.clone(), "unknown-caseload", words)
        })
    }

    fn sum(&mut self) -> Result<Typed, Wrong> {
        let mut left = self.given()?;
        loop {
            let plus = self.take_sign("+");
            if !plus && !self.take_sign("-") {
                return Ok(left);
            }
            let right = self.given()?;
            left = arithmetic(plus, left, right)?;
        }
    }

    /// A value, and what it is where it is missing.
    fn given(&mut self) -> Result<Typed, Wrong> {
        let mut value = self.item()?;
        while self.take_sign("|") {
            let place = self.place();
            if !self.take_word("default") || !self.take_sign("(") {
                let help = Some("write `flow.rounds | default(0)`".to_owned());
                let words = "behind a bar stands `default(…)` where something is computed";
                return Err(Wrong {
                    help,
                    ..wrong(place, "expression", words)
                });
            }
            self.deeper()?;
            let other = self.or()?;
            self.depth -= 1;
            let end = self.close(")")?;
            value = or_else(value, other, end)?;
        }
        Ok(value)
    }

    fn item(&mut self) -> Result<Typed, Wrong> {
        let Some(token) = self.tokens.get(self.at).cloned() else {
            let end = self.source.len();
            return Err(wrong(
                end..end,
                "expression",
                "something is missing at the end",
            ));
        };
        self.at += 1;
        match token.tok {
            Tok::Number(number) => Ok(constant(Val::Number(number), Type::Number, token.span)),
            Tok::Text(text) => Ok(constant(Val::Text(text), Type::Text, token.span)),
            Tok::Sign("-") => self.negative(token.span.start),
            Tok::Sign("(") => {
                self.deeper()?;
                let inner = self.or()?;
                self.depth -= 1;
                let end = self.close(")")?;
                Ok(Typed {
                    span: token.span.start..end,
                    ..inner
                })
            }
            Tok::Sign("[") => {
                self.deeper()?;
                let (items, end) = self.listed("]")?;
                self.depth -= 1;
                list(items, token.span.start..end)
            }
            Tok::Sign(sign) => {
                let words = format!("`{sign}` is not expected here");
                Err(wrong(token.span, "expression", words))
            }
            Tok::Word(word) => self.word(&word, token.span),
        }
    }

    fn word(&mut self, word: &str, span: Range<usize>) -> Result<Typed, Wrong> {
        match word {
            "true" | "yes" => return Ok(constant(Val::Bool(true), Type::Bool, span)),
            "false" | "no" => return Ok(constant(Val::Bool(false), Type::Bool, span)),
            "and" | "or" | "not" | "in" => {
                let words = format!("`{word}` needs something before and after it");
                return Err(wrong(span, "expression", words));
            }
            _ => {}
        }
        if self.take_sign("(") {
            return self.call(word, span);
        }
        match self.scope.resolve(word) {
            Ok(name) => Ok(Typed {
                kind: name.kind(),
                expr: Expr::Name(name),
                span,
            }),
            Err(unknown) => {
                let is_function = FUNCTIONS.iter().any(|known| known.name == word);
                let help = Some(match (is_function, word.contains('.')) {
                    (true, _) => format!("write `{word}()`"),
                    (_, true) => unknown.help,
                    (_, false) => {
                        format!("{}; a text stands in quotes: \"{word}\"", unknown.help)
                    }
                });
                Err(Wrong {
                    help,
                    ..wrong(span, unknown.code, unknown.message)
                })
            }
        }
    }

    fn call(&mut self, word: &str, span: Range<usize>) -> Result<Typed, Wrong> {
        let known = FUNCTIONS.iter().find(|known| known.name == word);
        let Some(Function {
            name,
            func,
            takes,
            gives,
            ..
        }) = known
        else {
            let help = Some(suggest(word, FUNCTIONS.iter().map(|known| known.name)));
            let words = format!("there is no function `{word}`");
            return Err(Wrong {
                help,
                ..wrong(span, "unknown-function", words)
            });
        };
        self.deeper()?;
        let (given, end) = self.listed(")")?;
        self.depth -= 1;
        if given.len() != takes.len() {
            let words = format!("`{name}` takes {} values, not {}", takes.len(), given.len());
            return Err(wrong(span.start..end, "expression", words));
        }
        if let (Func::Contains, [listed, wanted]) = (func, given.as_slice())
            && let Expr::Name(Known::ContactCaseloads) = listed.expr
        {
            self.caseloads_of(wanted)?;
        }
        let mut parts = Vec::new();
        for (value, wanted) in given.into_iter().zip(takes.iter()) {
            let list_for_contains =
                *func == Func::Contains && parts.is_empty() && value.kind == Type::List;
            let value = if *wanted == Type::Date {
                as_date(value)?
            } else {
                value
            };
            if !value.kind.meets(*wanted) && !list_for_contains {
                let words = format!(
                    "`{name}` takes {}, and this is {}",
                    wanted.word(),
                    value.kind.word()
                );
                return Err(wrong(value.span, "type", words));
            }
            parts.push(value.expr);
        }
        if let (Func::Date, [Expr::Const(Val::Text(text))]) = (func, parts.as_slice())
            && text.parse::<Date>().is_err()
        {
            return Err(no_date(text, span.start..end));
        }
        Ok(Typed {
            expr: Expr::Call(*func, parts),
            kind: *gives,
            span: span.start..end,
        })
    }

    fn negative(&mut self, start: usize) -> Result<Typed, Wrong> {
        self.deeper()?;
        let inner = self.item()?;
        self.depth -= 1;
        let zero = constant(Val::Number(0.0), Type::Number, start..start);
        arithmetic(false, zero, inner)
    }

    /// Values up to the closing sign.
    fn listed(&mut self, closing: &str) -> Result<(Vec<Typed>, usize), Wrong> {
        let mut items = Vec::new();
        if let Some(end) = self.closed(closing) {
            return Ok((items, end));
        }
        loop {
            items.push(self.or()?);
            if !self.take_sign(",") {
                return Ok((items, self.close(closing)?));
            }
        }
    }

    fn closed(&mut self, sign: &str) -> Option<usize> {
        let end = self.place().end;
        self.take_sign(sign).then_some(end)
    }

    fn close(&mut self, sign: &str) -> Result<usize, Wrong> {
        let place = self.place();
        let words = format!("`{sign}` is missing here");
        self.closed(sign)
            .ok_or_else(|| wrong(place, "expression", words))
    }

    fn deeper(&mut self) -> Result<(), Wrong> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(wrong(self.place(), "expression", "this nests too deep"));
        }
        Ok(())
    }

    fn place(&self) -> Range<usize> {
        let end = self.source.len();
        self.tokens
            .get(self.at)
            .map_or(end..end, |token| token.span.clone())
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.tokens.get(self.at), Some(Token { tok: Tok::Word(have), .. }) if have == word)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token { tok: Tok::Sign(have), .. }) if *have == sign);
        self.at += usize::from(found);
        found
    }
}
