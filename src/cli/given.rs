//! What people give on the command line: who, when, and which keys.

use anyhow::Context;
use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;

use crate::model::calendar::{instant, zone};
use crate::model::{Party, Timestamp};

/// A time as it is given.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// Now.
    Now,
    /// A moment with its distance from UTC.
    Moment(Timestamp),
    /// What a clock shows; in this zone when it is named.
    Clock(DateTime, Option<TimeZone>),
}

impl std::str::FromStr for When {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let word = word.trim();
        if word == "now" {
            return Ok(Self::Now);
        }
        let wrong = || {
            let forms = "\"2026-03-03 10:30\", \"2026-03-03 10:30[Europe/Berlin]\" or \"2026-03-03T16:30Z\"";
            format!("`{word}` is no time; write it as {forms}, or now")
        };
        let pieces = Pieces::parse(word).map_err(|_| wrong())?;
        let named = pieces.time_zone_annotation().is_some();
        match (
            pieces.to_numeric_offset().is_some() || word.contains(['Z', 'z']) && !named,
            named,
        ) {
            // A zone and a distance that contradict each other are told.
            (true, true) => {
                let zoned = word.parse::<jiff::Zoned>();
                let zoned = zoned.map_err(|error| format!("`{word}`: {error}"))?;
                Ok(Self::Moment(Timestamp::from_jiff(zoned.timestamp())))
            }
            (true, false) => {
                let moment = word.parse::<jiff::Timestamp>().map_err(|_| wrong())?;
                Ok(Self::Moment(Timestamp::from_jiff(moment)))
            }
            (false, _) => {
                let zone = pieces.to_time_zone();
                let zone = zone.map_err(|error| format!("`{word}`: {error}"))?;
                let time = pieces.time().ok_or_else(wrong)?;
                Ok(Self::Clock(pieces.date().to_datetime(time), zone))
            }
        }
    }
}

impl When {
    /// The moment; a clock without a zone is read in the zone of this name. A time that the clock skips is the moment
    /// of the jump.
    ///
    /// # Errors
    /// There is no such zone, or the time is out of range.
    pub(super) fn moment(&self, now: Timestamp, zone_name: &str) -> anyhow::Result<Timestamp> {
        match self {
            Self::Now => Ok(now),
            Self::Moment(at) => Ok(*at),
            Self::Clock(clock, named) => {
                let known = named.clone().map_or_else(|| zone(zone_name), Ok);
                let known = known.map_err(anyhow::Error::msg)?;
                instant(&known, *clock).with_context(|| format!("{clock} is out of range"))
            }
        }
    }
}

/// Who texts or calls.
///
/// # Errors
/// It is no phone, short code, sender's name or `withheld`; what carriers wrote and nobody can read is given behind
/// `raw:`.
pub(super) fn party(word: &str) -> Result<Party, String> {
    Party::given(word).ok_or_else(|| {
        format!(
            "`{word}` is no phone; write a number with + and its country before it, as +12025550143, a short code, or withheld"
        )
    })
}

/// Keys that a caller presses.
///
/// # Errors
/// There are none, or others than a telephone has.
pub(super) fn keys(word: &str) -> Result<String, String> {
    let is_key = |c: char| c.is_ascii_digit() || "*#".contains(c);
    match !word.is_empty() && word.chars().all(is_key) {
        true => Ok(word.to_owned()),
        false => Err(format!("`{word}` are no keys; they are 0 to 9, * and #")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(word: &str) -> Result<String, String> {
        let when: When = word.parse()?;
        let found = when.moment(Timestamp::default(), "America/Chicago");
        found
            .map(|at| at.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn times_in_their_zones() {
        for (word, expected) in [
            ("2026-03-03 10:30", "2026-03-03T16:30:00"),
            ("2026-03-03T10:30", "2026-03-03T16:30:00"),
            ("2026-03-03 10:30[Europe/Berlin]", "2026-03-03T09:30:00"),
            (
                "2026-03-03 10:30+01:00[Europe/Berlin]",
                "2026-03-03T09:30:00",
            ),
            ("2026-03-03T10:30Z", "2026-03-03T10:30:00"),
            ("2026-03-03T10:30:00-07:00", "2026-03-03T17:30:00"),
            // The clock goes from two to three.
            ("2026-03-08 02:30", "2026-03-08T08:00:00"),
            ("2026-03-29 02:30[Europe/Berlin]", "2026-03-29T01:00:00"),
            // It shows half past one twice; the first counts.
            ("2026-11-01 01:30", "2026-11-01T06:30:00"),
        ] {
            let found = moment(word).unwrap();
            assert!(found.starts_with(expected), "{word}: {found}");
        }
    }

    #[test]
    fn what_is_no_time_is_told() {
        for word in [
            "tomorrow",
            "2026-03-03",
            "2026-03-03 10:30[Mars/X]",
            "2026-03-08T02:30-07:00[America/Chicago]",
            "2026-03-03 25:00",
        ] {
            let words = word.parse::<When>().unwrap_err();
            assert!(words.starts_with(&format!("`{word}`")), "{words}");
        }
    }

    #[test]
    fn who_and_which_keys() {
        assert_eq!(party("withheld"), Ok(Party::Withheld));
        assert!(matches!(party("+12025550143"), Ok(Party::Phone(_))));
        assert!(matches!(party("raw:12025550143"), Ok(Party::Raw(_))));
        let wrong = party("12025550143").unwrap_err();
        assert!(wrong.contains("write a number with +"), "{wrong}");
        assert_eq!(keys("12*#"), Ok("12*#".to_owned()));
        for word in ["", "a", "1 2", "?"] {
            assert!(keys(word).is_err(), "{word}");
        }
    }
}
