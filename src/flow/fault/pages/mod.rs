//! The pages, by what they are about.

mod form;
mod meaning;
mod organisation;
mod values;
mod whole;

use super::Severity::{Fault, Warning};
use super::page::Example::{Call, File, Files, Made, Organisation, Sms};
use super::page::{Example, Page};

pub(super) static PAGES: [&[Page]; 5] = [
    form::PAGES,
    values::PAGES,
    meaning::PAGES,
    whole::PAGES,
    organisation::PAGES,
];

const fn fault(
    code: &'static str,
    finds: &'static str,
    hurts: &'static str,
    before: Example,
    after: Example,
) -> Page {
    Page {
        code,
        severity: Fault,
        finds,
        hurts,
        before,
        after,
    }
}

const fn warning(
    code: &'static str,
    finds: &'static str,
    hurts: &'static str,
    before: Example,
    after: Example,
) -> Page {
    Page {
        code,
        severity: Warning,
        finds,
        hurts,
        before,
        after,
    }
}
