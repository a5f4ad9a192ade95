//! Days as they are written, without a calendar library: nothing but their order matters.

use std::time::{Duration, SystemTime};

/// A day, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    /// Days since 1 January 1970.
    number: u64,
}

impl Day {
    /// Reads a day such as `2027-01-31`, from 1970 on.
    pub(super) fn parse(text: &str) -> Option<Day> {
        let mut parts = text.split('-').map(|part| {
            let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
            if is_number { part.parse::<u64>().ok() } else { None }
        });
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        let is_whole = text.len() == 10 && parts.next().is_none() && 1970 <= year;
        let is_possible = is_whole && (1..=12).contains(&month) && (1..=31).contains(&day);
        is_possible.then(|| Day { number: number(year, month, day) })
    }

    /// Tells whether the day is over.
    pub(super) fn is_over(self, now: SystemTime) -> bool {
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs((self.number + 1) * 86_400);
        end <= now
    }
}

/// Returns the days from 1 January 1970 to a day, by the algorithm of Howard Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms", `days_from_civil`.
fn number(year: u64, month: u64, day: u64) -> u64 {
    // The year begins in March, so that a leap day is its last.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_in_the_calendar() {
        // From Python 3: (date(y, m, d) - date(1970, 1, 1)).days
        for (text, number) in [
            ("1970-01-01", 0),
            ("2000-02-29", 11016),
            ("2000-03-01", 11017),
            ("2027-01-31", 20849),
            ("2100-03-01", 47541),
        ] {
            assert_eq!(Day::parse(text), Some(Day { number }), "{text}");
        }
        for wrong in [
            "",
            "2027",
            "2027-1-31",
            "2027-13-01",
            "2027-01-32",
            "1969-12-31",
            "2027-01-31x",
            "+027-01-31",
        ] {
            assert_eq!(Day::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_day_is_over_when_the_next_begins() {
        let day = Day::parse("1970-01-02").unwrap();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(!day.is_over(at(2 * 86_400 - 1)));
        assert!(day.is_over(at(2 * 86_400)));
    }
}
