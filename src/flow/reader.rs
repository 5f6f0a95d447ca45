//! Reading values out of a written file, collecting every fault on the way.

use super::fault::{Fault, nearest, suggest};
use super::prove::flows::Passage;
use super::scope::{Scope, Unknown};
use super::template::{Template, Text, is_language};
use super::yaml::{At, Key, Node, QUOTE_HELP, Value};
use super::{Bounds, Kind, Names, Test, Used, expr, form};
use crate::model::Phone;
use crate::model::consent::reserved_words;

/// Faults of one file that are told, and as many warnings: nobody mends more in one go, and a hostile file could have
/// as many as it has values.
pub(crate) const FAULTS_MAX: usize = 100;

/// One check of one file.
pub(crate) struct Reading<'a> {
    pub(crate) file: &'a str,
    pub(crate) source: &'a str,
    pub(crate) names: &'a dyn Names,
    pub(crate) bounds: &'a Bounds,
    /// It was published, and is read again to be run.
    pub(crate) is_published: bool,
    pub(crate) account: String,
    pub(crate) kind: Kind,
    pub(crate) scope: Scope,
    pub(crate) faults: Vec<Fault>,
    pub(crate) warnings: Vec<Fault>,
    /// Faults and warnings beyond [`FAULTS_MAX`].
    pub(crate) left_out: (usize, usize),
    /// Its steps as far as the ways between flows go.
    pub(crate) passages: Vec<Passage>,
    pub(crate) tests: Vec<Test>,
    /// The names asked for so far.
    pub(crate) used: Used,
}

/// The keys of a mapping, all of them known.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'n> {
    pub(crate) at: &'n At,
    pairs: &'n [(Key, Node)],
    /// The value itself, where it is short for the main key.
    main: Option<(&'static str, &'n Node)>,
}

impl<'n> Fields<'n> {
    /// The value of a key, when it is there.
    pub(crate) fn get(&self, key: &str) -> Option<&'n Node> {
        if let Some((main, node)) = self.main {
            return (main == key).then_some(node);
        }
        self.pairs
            .iter()
            .find(|(have, _)| have.text == key)
            .map(|(_, node)| node)
    }
}

/// Who is meant in a step: a group or a user, by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    Group(String),
    User(String),
}

impl<'a> Reading<'a> {
    /// Notes a fault.
    pub(crate) fn fault(&mut self, at: &At, code: &'static str, message: impl Into<String>) {
        self.note(Fault::new(self.file, at, code, message));
    }

    /// Keeps a fault, or counts it when there are many already.
    fn note(&mut self, fault: Fault) {
        match self.faults.len() < FAULTS_MAX {
            true => self.faults.push(fault),
            false => self.left_out.0 += 1,
        }
    }

    /// Notes a fault with the next move.
    pub(crate) fn fault_help(
        &mut self,
        at: &At,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.note(Fault::new(self.file, at, code, message).with_help(help));
    }

    /// Notes what is allowed and yet looks wrong.
    pub(crate) fn warn(
        &mut self,
        at: &At,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let fault = Fault::new(self.file, at, code, message).with_help(help);
        match self.warnings.len() < FAULTS_MAX {
            true => self.warnings.push(fault.warning()),
            false => self.left_out.1 += 1,
        }
    }

    /// What stands behind a verb that has a [`Form`]: its keys, unknown ones being faults.
    pub(crate) fn form<'n>(&mut self, node: &'n Node, verb: &str) -> Option<Fields<'n>> {
        let form = form::of(verb)?;
        let keys: Vec<&'static str> = form.keys().iter().map(|key| key.word).collect();
        self.fields(node, verb, &keys, form.main)
    }

    /// The keys of a mapping; unknown ones are faults. A scalar, or a map by language, stands for `main`.
    pub(crate) fn fields<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        keys: &[&'static str],
        main: Option<&'static str>,
    ) -> Option<Fields<'n>> {
        if let Some(main) = main
            && (matches!(node.value, Value::Scalar { .. }) || self.is_language_map(node, keys))
        {
            return Some(Fields {
                at: &node.at,
                pairs: &[],
                main: Some((main, node)),
            });
        }
        match &node.value {
            Value::Map(pairs) if self.is_unquoted(node) => {
                let _ = pairs;
                self.unquoted(node);
                None
            }
            Value::Map(pairs) => {
                for (key, value) in pairs {
                    self.known_key(key, value, what, keys);
                }
                Some(Fields {
                    at: &node.at,
                    pairs,
                    main: None,
                })
            }
            Value::Null => Some(Fields {
                at: &node.at,
                pairs: &[],
                main: None,
            }),
            Value::Scalar { .. } | Value::List(_) => {
                let needed = form::of(what).map_or_else(Vec::new, |form| {
                    let needed = form.keys().iter().filter(|key| key.required);
                    needed.map(|key| key.word).collect()
                });
                let first = keys.first().copied().unwrap_or("key");
                let shown = match needed.is_empty() {
                    true => first.to_owned(),
                    false => needed.join(": …, "),
                };
                let help = format!("write {{ {shown}: … }}");
                self.fault_help(&node.at, "shape", format!("`{what}` needs keys"), help);
                None
            }
        }
    }

    fn known_key(&mut self, key: &Key, value: &Node, what: &str, keys: &[&'static str]) {
        if keys.contains(&key.text.as_str()) {
            if value.value == Value::Null {
                self.fault(&key.at, "empty", format!("`{}` has no value", key.text));
            }
            return;
        }
        let message = format!("`{what}` has no key `{}`", key.text);
        let help =
            if value.value == Value::Null && !key.text.bytes().all(|b| b.is_ascii_lowercase()) {
                QUOTE_HELP.to_owned()
            } else {
                suggest(&key.text, keys.iter().copied())
            };
        self.fault_help(&key.at, "unknown-key", message, help);
    }

    /// A mapping by language: a key is a language tag, and none is a key of the verb, or is near to one.
    fn is_language_map(&self, node: &Node, keys: &[&'static str]) -> bool {
        let Value::Map(pairs) = &node.value else {
            return false;
        };
        pairs.iter().any(|(key, _)| is_language(&key.text))
            && pairs
                .iter()
                .all(|(key, _)| nearest(&key.text, keys.iter().copied()).is_none())
    }

    /// `{{ … }}` without quotes is a mapping to YAML.
    fn is_unquoted(&self, node: &Node) -> bool {
        self.source[node.at.span.start..].starts_with("{{")
    }

    fn unquoted(&mut self, node: &Node) {
        self.fault_help(
            &node.at,
            "quote-text",
            "YAML reads `{{` without quotes as a mapping",
            QUOTE_HELP,
        );
    }

    /// One word or text without meaning of its own.
    pub(crate) fn word<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        match &node.value {
            Value::Scalar { text, .. } => Some(text),
            _ if self.is_unquoted(node) => {
                self.unquoted(node);
                None
            }
            _ => {
                self.fault(&node.at, "shape", format!("{what} is one word here"));
                None
            }
        }
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        node: &Node,
        what: &str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let word = self.word(node, what)?;
        let found = choices
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, value)| *value);
        if found.is_none() {
            let help = suggest(word, choices.iter().map(|(name, _)| *name));
            self.fault_help(
                &node.at,
                "unknown-value",
                format!("`{word}` is no {what}"),
                help,
            );
        }
        found
    }

    /// A list; a single value is a list of one.
    pub(crate) fn list<'n>(&mut self, node: &'n Node, what: &str) -> Vec<&'n Node> {
        match &node.value {
            Value::List(items) => items.iter().collect(),
            Value::Scalar { .. } => vec![node],
            _ => {
                self.fault_help(
                    &node.at,
                    "shape",
                    format!("{what} is a list"),
                    "write it as [a, b]",
                );
                Vec::new()
            }
        }
    }

    /// A text: a template, or one per language.
    pub(crate) fn text(&mut self, node: &Node, what: &str) -> Option<Text> {
        let variants = match &node.value {
            Value::Scalar { .. } => vec![(String::new(), self.template(node, what)?)],
            Value::Map(_) if self.is_unquoted(node) => {
                self.unquoted(node);
                return None;
            }
            Value::Map(pairs) => {
                let mut variants = Vec::new();
                for (key, value) in pairs {
                    if !is_language(&key.text) {
                        let message = format!("`{}` is no language tag", key.text);
                        let help = format!(
                            "{what} is a text, or a map by language such as {{ en: …, es: … }}"
                        );
                        self.fault_help(&key.at, "shape", message, help);
                        continue;
                    }
                    if let Some(template) = self.template(value, what) {
                        variants.push((key.text.clone(), template));
                    }
                }
                variants
            }
            Value::Null | Value::List(_) => {
                self.fault(&node.at, "shape", format!("{what} is a text"));
                return None;
            }
        };
        (!variants.is_empty()).then_some(Text { variants })
    }

    /// A text in one language.
    pub(crate) fn template(&mut self, node: &Node, what: &str) -> Option<Template> {
        let text = match &node.value {
            Value::Scalar { text, .. } => text,
            Value::Map(_) if self.is_unquoted(node) => {
                self.unquoted(node);
                return None;
            }
            _ => {
                self.fault(&node.at, "shape", format!("{what} is a text"));
                return None;
            }
        };
        if text.trim().is_empty() {
            self.fault(&node.at, "empty", format!("{what} is empty"));
            return None;
        }
        self.cut_by_comment(node, what);
        match Template::parse(text, &mut self.scope) {
            Ok(template) => Some(template),
            Err(wrong) => {
                for one in wrong {
                    let at = self.inside(node, text, &one.span);
                    let mut fault = Fault::new(self.file, &at, one.code, one.message);
                    fault.help = one.help;
                    self.note(fault);
                }
                None
            }
        }
    }

    /// A bare text that goes on behind ` #` has lost its end to a comment.
    fn cut_by_comment(&mut self, node: &Node, what: &str) {
        let span = &node.at.span;
        let bare = !self.source[span.clone()].starts_with(['"', '\'', '|', '>']);
        let rest = self.source[span.end..].lines().next().unwrap_or("");
        if bare && rest.starts_with(" #") {
            let message = format!("{what} ends before ` #`: what follows is a comment");
            self.warn(&node.at, "comment-in-text", message, QUOTE_HELP);
        }
    }

    /// A condition.
    pub(crate) fn condition(&mut self, node: &Node) -> Option<expr::Expr> {
        let text = self.word(node, "a condition")?;
        let read = expr::parse(text, &mut self.scope);
        read.map_err(|wrong| self.wrong(node, text, wrong)).ok()
    }

    /// Notes what is wrong with an expression in this text.
    pub(crate) fn wrong(&mut self, node: &Node, text: &str, wrong: expr::Wrong) {
        let at = self.inside(node, text, &wrong.span);
        let mut fault = Fault::new(self.file, &at, wrong.code, wrong.message);
        fault.help = wrong.help;
        self.note(fault);
    }

    /// The place of a part of a text in the file: exact where the text stands there as it is.
    pub(crate) fn inside(&self, node: &Node, text: &str, part: &std::ops::Range<usize>) -> At {
        // Looking for it takes time, and it will not be told.
        if self.faults.len() >= FAULTS_MAX {
            return node.at.clone();
        }
        let written = &self.source[node.at.span.clone()];
        let words = text.get(part.clone()).unwrap_or("");
        let start = match written.find(text) {
            Some(offset) => offset + part.start,
            None if words.is_empty() => return node.at.clone(),
            None => match written.find(words) {
                Some(offset) => offset,
                None => return node.at.clone(),
            },
        };
        let start = node.at.span.start + start;
        at_byte(
            self.source,
            start..(start + words.len()).min(self.source.len()),
        )
    }

    /// A name that must exist; `known` is `None` where nothing is known.
    pub(crate) fn known(
        &mut self,
        at: &At,
        code: &'static str,
        what: &str,
        name: &str,
        known: Option<Vec<String>>,
    ) -> bool {
        match code {
            "unknown-group" => drop(self.used.groups.insert(name.to_owned())),
            "unknown-user" => drop(self.used.users.insert(name.to_owned())),
            "unknown-calendar" => drop(self.used.calendars.insert(name.to_owned())),
            "unknown-caseload" => drop(self.used.caseloads.insert(name.to_owned())),
            _ => {}
        }
        let Some(known) = known else { return true };
        let found = known.iter().any(|have| have == name);
        if !found {
            let help = suggest(name, known.iter().map(String::as_str));
            let message = format!("account `{}` has no {what} `{name}`", self.account);
            self.fault_help(at, code, message, help);
        }
        found
    }

    pub(crate) fn group(&mut self, node: &Node) -> Option<String> {
        let key = self.word(node, "a group")?.to_owned();
        let known = self.names.groups(&self.account);
        if !self.known(&node.at, "unknown-group", "group", &key, known) {
            return None;
        }
        if self.names.group_is_empty(&self.account, &key) {
            self.used.empty_groups.insert(key.clone());
            let help =
                "texts and voicemails go to the number's own route instead; a dial finds nobody";
            self.warn(
                &node.at,
                "empty-group",
                format!("nobody is in the group `{key}`"),
                help,
            );
        }
        Some(key)
    }

    pub(crate) fn user(&mut self, node: &Node) -> Option<String> {
        let key = self.word(node, "a user")?.to_owned();
        let known = self.names.users(&self.account);
        if self.names.has_left(&self.account, &key) {
            let message = format!(
                "`{key}` has left account `{}` or is not active",
                self.account
            );
            let help = suggest_other(known.as_deref().unwrap_or(&[]));
            self.fault_help(&node.at, "inactive-user", message, help);
            return None;
        }
        self.known(&node.at, "unknown-user", "active user", &key, known)
            .then_some(key)
    }

    /// A user in a test, who may have left since it was written.
    pub(crate) fn player(&mut self, node: &Node) -> Option<String> {
        match &node.value {
            Value::Scalar { text, .. } if self.names.has_left(&self.account, text) => {
                Some(text.clone())
            }
            _ => self.user(node),
        }
    }

    pub(crate) fn caseload(&mut self, node: &Node) -> Option<String> {
        let key = self.word(node, "a caseload")?.to_owned();
        let known = self.scope.caseloads.clone();
        self.known(&node.at, "unknown-caseload", "caseload", &key, known)
            .then_some(key)
    }

    /// Some of them; a single one may stand without brackets.
    pub(crate) fn caseloads(&mut self, node: &Node) -> Vec<String> {
        let nodes = self.list(node, "caseloads");
        let keys = nodes.into_iter().filter_map(|node| self.caseload(node));
        keys.collect()
    }

    pub(crate) fn phone(&mut self, node: &Node) -> Option<Phone> {
        let text = self.word(node, "a phone number")?;
        match text.parse() {
            Ok(phone) => Some(phone),
            Err(_) => {
                let help = "write it with + and country code, in quotes: \"+12025550100\"";
                self.fault_help(&node.at, "phone", "this is no phone number", help);
                None
            }
        }
    }

    /// `group:` or `user:`, exactly one.
    pub(crate) fn who(&mut self, fields: &Fields<'_>, what: &str) -> Option<Who> {
        match (fields.get("group"), fields.get("user")) {
            (Some(group), None) => self.group(group).map(Who::Group),
            (None, Some(user)) => self.user(user).map(Who::User),
            (Some(_), Some(user)) => {
                self.fault(
                    &user.at,
                    "two-owners",
                    format!("`{what}` names a group or a user, not both"),
                );
                None
            }
            (None, None) => {
                let message = format!("`{what}` does not say whose box");
                self.fault_help(
                    fields.at,
                    "missing-key",
                    message,
                    "add `group: …` or `user: …`",
                );
                None
            }
        }
    }

    /// A fault for a name that [`Scope`] does not know.
    pub(crate) fn unknown(&mut self, at: &At, unknown: Unknown) {
        self.fault_help(at, unknown.code, unknown.message, unknown.help);
    }

    /// A word that somebody could answer must not be a compliance word, which never reaches a flow.
    pub(crate) fn not_reserved(&mut self, at: &At, word: &str) {
        if let Some(does) = reserved_words(word) {
            let message = format!("`{word}` {does}, and never reaches a flow");
            self.fault_help(at, "compliance-word", message, "choose another word");
        }
    }
}

/// The place of some bytes.
pub(crate) fn at_byte(source: &str, span: std::ops::Range<usize>) -> At {
    let before = &source[..span.start];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = source[line_start..span.start].chars().count() + 1;
    At {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
        span,
    }
}

/// Who could be named in place of somebody who has left.
fn suggest_other(users: &[String]) -> String {
    let others = suggest("", users.iter().map(String::as_str));
    format!("name a group, or somebody who is there: {others}")
}
