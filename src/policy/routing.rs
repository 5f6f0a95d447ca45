//! What a text from a phone means: which rule takes it, and why the others did not.
//!
//! The order is fixed: compliance words, a run that waits for this phone, a keyword, an open conversation, the number's
//! manage-unmatched account. Every rule that lost says why, for `explain`.

use crate::model::account::{Account, Keyword, Matching, Number, SubKeyword};
use crate::model::conversation::{Conversation, ConversationState, RunRow};
use crate::model::text::fold_keyword;

use super::consent::Compliance;

/// What is known of a text when it is routed.
#[derive(Debug, Clone, Copy)]
pub struct MoFacts<'a> {
    /// The number it came to.
    pub number: &'a Number,
    /// The keywords of that number, over all accounts.
    pub keywords: &'a [Keyword],
    /// The text.
    pub text: &'a str,
    /// What it means for consent.
    pub compliance: Compliance,
    /// The runs of this phone on this number that have not ended.
    pub runs: &'a [RunRow],
    /// The conversations of this phone on this number.
    pub conversations: &'a [Conversation],
}

/// A rule of routing, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// A compliance word.
    Compliance,
    /// A run that waits for this phone's answer.
    Question,
    /// A keyword of the number.
    Keyword,
    /// An open conversation.
    Conversation,
    /// Nothing else.
    Unmatched,
}

impl Rule {
    /// The stable word for metrics, `explain` and the event row.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compliance => "compliance",
            Self::Question => "question",
            Self::Keyword => "keyword",
            Self::Conversation => "conversation",
            Self::Unmatched => "unmatched",
        }
    }
}

/// Who takes the text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target<'a> {
    /// The ledger.
    Compliance(Compliance),
    /// This run; the text is its answer, or ends its wait.
    Run(&'a RunRow),
    /// This keyword, and the word after it.
    Keyword(&'a Keyword, Option<&'a SubKeyword>),
    /// This conversation.
    Conversation(&'a Conversation),
    /// The number's manage-unmatched account.
    Unmatched,
}

/// A routing decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Routed<'a> {
    /// The rule that won.
    pub rule: Rule,
    /// Who takes it.
    pub target: Target<'a>,
    /// The rules before it, and why each did not take it.
    pub lost: Vec<(Rule, String)>,
}

/// Routes a text. Pure and total.
pub fn route<'a>(facts: &MoFacts<'a>) -> Routed<'a> {
    let mut lost = Vec::new();
    for (rule, attempt) in [
        (Rule::Compliance, compliance(facts)),
        (Rule::Question, question(facts)),
        (Rule::Keyword, keyword(facts)),
        (Rule::Conversation, conversation(facts)),
    ] {
        match attempt {
            Ok(target) => return Routed { rule, target, lost },
            Err(why) => lost.push((rule, why)),
        }
    }
    Routed {
        rule: Rule::Unmatched,
        target: Target::Unmatched,
        lost,
    }
}

type Attempt<'a> = Result<Target<'a>, String>;

/// What else would have taken a text that is routed like this, and why it does not: other keywords that match, and the
/// rules that come after.
pub fn rivals<'a>(facts: &MoFacts<'a>, routed: &Routed<'a>) -> Vec<(Rule, String)> {
    let mut all = Vec::new();
    if let Target::Keyword(won, sub) = routed.target {
        let words = other_keywords(facts, won, sub).into_iter();
        all.extend(words.map(|why| (Rule::Keyword, why)));
    }
    let after = [
        (Rule::Question, question(facts)),
        (Rule::Keyword, keyword(facts)),
        (Rule::Conversation, conversation(facts)),
    ];
    for (rule, attempt) in after.into_iter().filter(|(rule, _)| *rule > routed.rule) {
        let why = match attempt {
            Err(why) => why,
            Ok(target) => {
                let would = match target {
                    Target::Run(_) => "a question to this phone is open".to_owned(),
                    Target::Keyword(keyword, _) => format!("{} matches", keyword.word),
                    _ => "this phone has an open conversation here".to_owned(),
                };
                format!("{would}, and comes after the rule {}", routed.rule.as_str())
            }
        };
        all.push((rule, why));
    }
    if routed.rule != Rule::Unmatched {
        all.push((
            Rule::Unmatched,
            "takes only what nothing before it takes".to_owned(),
        ));
    }
    all
}

/// Keywords that match too, and why another one won.
fn other_keywords<'a>(facts: &MoFacts<'a>, won: &Keyword, sub: Option<&SubKeyword>) -> Vec<String> {
    let text = fold_keyword(facts.text);
    let whole = match sub {
        Some(sub) => format!("{} {}", won.word, sub.word),
        None => won.word.clone(),
    };
    let alone = sub.map(|_| format!("{} alone matches too, and {whole} is longer", won.word));
    let length = matched(won, &text).map_or(0, |found| found.length);
    let others = facts
        .keywords
        .iter()
        .filter(|other| !std::ptr::eq(*other, won));
    let others = others.filter_map(|other| {
        let why = match matched(other, &text)?.length < length {
            true => "is longer",
            false => "comes first in the alphabet",
        };
        Some(format!("{} matches too, and {whole} {why}", other.word))
    });
    alone.into_iter().chain(others).collect()
}

fn compliance<'a>(facts: &MoFacts<'a>) -> Attempt<'a> {
    match facts.compliance {
        found @ (Compliance::Stop | Compliance::Start | Compliance::Help) => {
            Ok(Target::Compliance(found))
        }
        Compliance::Review => {
            Err("reads like a wish to stop, but is no compliance word: flagged".into())
        }
        Compliance::Ordinary => Err("the text is no compliance word".into()),
    }
}

fn question<'a>(facts: &MoFacts<'a>) -> Attempt<'a> {
    let takes = |run: &&RunRow| run.waits_for_text && !run.ended;
    let waiting = facts.runs.iter().filter(takes);
    waiting
        .max_by_key(|run| (run.asked_at, run.id))
        .map(Target::Run)
        .ok_or_else(|| "no question to this phone is open on this number".into())
}

fn keyword<'a>(facts: &MoFacts<'a>) -> Attempt<'a> {
    let text = fold_keyword(facts.text);
    let best = facts
        .keywords
        .iter()
        .filter_map(|keyword| matched(keyword, &text))
        .max_by(|a, b| {
            a.length
                .cmp(&b.length)
                .then_with(|| b.keyword.word.cmp(&a.keyword.word))
        });
    match best {
        Some(found) => Ok(Target::Keyword(found.keyword, found.sub)),
        None => Err(format!(
            "none of the number's {} keywords matches",
            facts.keywords.len()
        )),
    }
}

struct Match<'a> {
    keyword: &'a Keyword,
    sub: Option<&'a SubKeyword>,
    length: usize,
}

/// The longest way in which a keyword, with or without a word after it, matches a folded text.
fn matched<'a>(keyword: &'a Keyword, text: &str) -> Option<Match<'a>> {
    let (length, rest) = keyword
        .folded
        .iter()
        .filter_map(|word| {
            Some((
                word.chars().count(),
                rest_after(word, text, keyword.matching)?,
            ))
        })
        .max_by_key(|(length, _)| *length)?;
    let sub = keyword
        .sub
        .iter()
        .flat_map(|sub| sub.folded.iter().map(move |word| (sub, word)))
        .filter(|(_, word)| begins_with(rest, word).is_some())
        .max_by_key(|(_, word)| word.chars().count());
    let longer = sub.map_or(0, |(_, word)| word.chars().count() + 1);
    Some(Match {
        keyword,
        sub: sub.map(|(sub, _)| sub),
        length: length + longer,
    })
}

/// What follows the word where it matches.
fn rest_after<'t>(word: &str, text: &'t str, matching: Matching) -> Option<&'t str> {
    match matching {
        Matching::FirstWord => begins_with(text, word),
        Matching::Whole => begins_with(text, word).filter(|rest| rest.is_empty()),
        Matching::Phrase => {
            let starts = text.match_indices(word).map(|(at, _)| at);
            let mut whole = starts.filter(|at| !text[..*at].ends_with(char::is_alphanumeric));
            whole.find_map(|at| begins_with(&text[at..], word))
        }
    }
}

/// What follows `word` in `text` when `text` begins with it as whole words.
fn begins_with<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let rest = text.strip_prefix(word).filter(|_| !word.is_empty())?;
    if rest.is_empty() {
        return Some(rest);
    }
    let next = rest.chars().next()?;
    (!next.is_alphanumeric()).then(|| rest.trim_start_matches(|c: char| !c.is_alphanumeric()))
}

fn conversation<'a>(facts: &MoFacts<'a>) -> Attempt<'a> {
    if !facts.number.open_conversations {
        return Err("the number says open_conversations: ignore".into());
    }
    let open = facts
        .conversations
        .iter()
        .filter(|one| one.state == ConversationState::Open);
    let latest = open.max_by_key(|one| (one.last_at, one.id));
    latest
        .map(Target::Conversation)
        .ok_or_else(|| "this phone has no open conversation here".into())
}

/// Where a call begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallTarget<'a> {
    /// In this flow of the account, by key.
    Flow(&'a str),
    /// In this flow, which is not published; a voicemail stands in for it.
    Unpublished(&'a str),
    /// In a voicemail.
    Voicemail,
}

/// A routing decision about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRouted<'a> {
    /// Where it begins.
    pub target: CallTarget<'a>,
    /// What did not take it, and why.
    pub lost: Vec<(&'static str, String)>,
}

/// Routes a call on a number whose calls are this account's: by the account's call flow of that number, else into a
/// voicemail. Pure and total.
pub fn route_call<'a>(
    number: &Number,
    account: &'a Account,
    published: impl Fn(&str) -> bool,
) -> CallRouted<'a> {
    let mut lost = vec![
        (
            Rule::Keyword.as_str(),
            "a call carries no keyword".to_owned(),
        ),
        (
            Rule::Conversation.as_str(),
            "calls go to the account that has the number's calls, whoever has an open conversation"
                .to_owned(),
        ),
    ];
    if number.manage_unmatched != account.id {
        let why = "the number's calls are another account's than its unmatched texts";
        lost.push((Rule::Unmatched.as_str(), why.to_owned()));
    }
    let uses = account.number(number.id);
    let target = match uses.and_then(|uses| uses.call_flow.as_deref()) {
        Some(key) if published(key) => CallTarget::Flow(key),
        Some(key) => {
            lost.push(("flow", format!("{key} has no published revision")));
            CallTarget::Unpublished(key)
        }
        None => {
            lost.push((
                "flow",
                "the account has no call flow on this number".to_owned(),
            ));
            CallTarget::Voicemail
        }
    };
    CallRouted { target, lost }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Ids, Timestamp};

    fn number() -> Number {
        let mut ids = Ids::new(Timestamp::default(), 1);
        Number {
            id: ids.fresh(),
            address: "+12025550100".into(),
            connection: "twilio".into(),
            sms: true,
            mms: true,
            voice: true,
            opt_out: None,
            manage_unmatched: ids.fresh(),
            calls: ids.fresh(),
            active: true,
            open_conversations: true,
            rate: None,
        }
    }

    fn word(word: &str, matching: Matching, aliases: &[&str], subs: &[&str]) -> Keyword {
        let mut ids = Ids::new(Timestamp::default(), 2);
        let sub = |word: &&str| SubKeyword {
            word: (*word).into(),
            folded: vec![fold_keyword(word)],
            flow: None,
            program: None,
        };
        let all = std::iter::once(&word).chain(aliases);
        Keyword {
            number: ids.fresh(),
            account: ids.fresh(),
            word: word.into(),
            folded: all.map(|word| fold_keyword(word)).collect(),
            matching,
            program: ids.fresh(),
            flow: None,
            sub: subs.iter().map(sub).collect(),
        }
    }

    fn check(text: &str, expected: &str) {
        let keywords = [
            word(
                "APPLY",
                Matching::FirstWord,
                &["APLY", "postuler"],
                &["NURSE", "NURSE NIGHT"],
            ),
            word("APPLY NOW", Matching::FirstWord, &[], &[]),
            word("HOURS", Matching::Whole, &[], &[]),
            word("refill please", Matching::Phrase, &[], &[]),
        ];
        let number = number();
        let facts = MoFacts {
            number: &number,
            keywords: &keywords,
            text,
            compliance: Compliance::Ordinary,
            runs: &[],
            conversations: &[],
        };
        let routed = route(&facts);
        let got = match routed.target {
            Target::Keyword(keyword, None) => keyword.word.clone(),
            Target::Keyword(keyword, Some(sub)) => format!("{}+{}", keyword.word, sub.word),
            Target::Unmatched => "unmatched".into(),
            other => format!("{other:?}"),
        };
        assert_eq!(got, expected, "{text:?}");
        assert_eq!(routed.lost.len(), if got == "unmatched" { 4 } else { 2 });
    }

    #[test]
    fn what_else_would_take_a_text_is_told() {
        let keywords = [
            word("APPLY", Matching::FirstWord, &[], &["NURSE"]),
            word("APPLY NOW", Matching::FirstWord, &[], &[]),
            word("NURSE", Matching::Phrase, &[], &[]),
        ];
        let number = number();
        let check = |text: &str, compliance: Compliance, expected: &[&str]| {
            let facts = MoFacts {
                number: &number,
                keywords: &keywords,
                text,
                compliance,
                runs: &[],
                conversations: &[],
            };
            let told = rivals(&facts, &route(&facts)).into_iter();
            let told: Vec<String> = told
                .map(|(rule, why)| format!("{}: {why}", rule.as_str()))
                .collect();
            assert_eq!(told, expected, "{text}");
        };
        let none = "conversation: this phone has no open conversation here";
        let last = "unmatched: takes only what nothing before it takes";
        check("hello", Compliance::Ordinary, &[]);
        check("apply", Compliance::Ordinary, &[none, last]);
        check(
            "apply now",
            Compliance::Ordinary,
            &[
                "keyword: APPLY matches too, and APPLY NOW is longer",
                none,
                last,
            ],
        );
        check(
            "apply nurse",
            Compliance::Ordinary,
            &[
                "keyword: APPLY alone matches too, and APPLY NURSE is longer",
                "keyword: NURSE matches too, and APPLY NURSE is longer",
                none,
                last,
            ],
        );
        check(
            "apply",
            Compliance::Help,
            &[
                "question: no question to this phone is open on this number",
                "keyword: APPLY matches, and comes after the rule compliance",
                none,
                last,
            ],
        );
    }

    #[test]
    fn the_longest_keyword_wins() {
        for (text, expected) in [
            ("apply", "APPLY"),
            (" \"Apply!\" ", "APPLY"),
            ("aply", "APPLY"),
            ("Postuler", "APPLY"),
            ("apply for spring", "APPLY"),
            ("apply now", "APPLY NOW"),
            ("applying", "unmatched"),
            ("please apply", "unmatched"),
            ("apply nurse", "APPLY+NURSE"),
            ("APPLY: nurse, night", "APPLY+NURSE"),
            ("apply nurse night", "APPLY+NURSE NIGHT"),
            ("apply nurses", "APPLY"),
            ("hours", "HOURS"),
            ("hours?", "HOURS"),
            ("hours today", "unmatched"),
            ("can I get a refill please, thanks", "refill please"),
            ("hello (refill please)", "refill please"),
            ("prefill please", "unmatched"),
            ("", "unmatched"),
        ] {
            check(text, expected);
        }
    }
}
