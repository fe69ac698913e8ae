//! The time in which a certificate is valid.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// First and last second in which a certificate is valid.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// let library = dlssl::current()?;
/// let validity: dlssl::Validity = dlssl::Certificate::from_file(&library, "chain.pem")?.validity()?;
/// assert!(validity.contains(std::time::SystemTime::now()));
/// assert!(validity.not_before() < validity.not_after());
/// // Seconds since 1970, before which no platform need have times.
/// assert!(validity.not_before_seconds() < validity.not_after_seconds());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Validity {
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

impl Validity {
    /// First second, as time.
    ///
    /// A time that the platform cannot express (before 1601 on Windows) becomes 1970.
    #[must_use]
    #[doc(alias = "X509_get0_notBefore")]
    pub fn not_before(&self) -> SystemTime {
        time(self.not_before)
    }

    /// Last second, as time.
    #[must_use]
    #[doc(alias = "X509_get0_notAfter")]
    pub fn not_after(&self) -> SystemTime {
        time(self.not_after)
    }

    /// First second, counted from 1970; negative before.
    #[must_use]
    pub fn not_before_seconds(&self) -> i64 {
        self.not_before
    }

    /// Last second, counted from 1970; negative before.
    #[must_use]
    pub fn not_after_seconds(&self) -> i64 {
        self.not_after
    }

    /// Whether a moment lies inside.
    #[must_use]
    pub fn contains(&self, moment: SystemTime) -> bool {
        (self.not_before..=self.not_after).contains(&seconds(moment))
    }
}

/// `2026-01-31T12:00:00Z to 2027-01-31T12:00:00Z`.
impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", Stamp(self.not_before), Stamp(self.not_after))
    }
}

fn time(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let moment = if seconds < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
    moment.unwrap_or(UNIX_EPOCH)
}

/// Whole seconds from 1970, rounded towards the past.
pub(crate) fn seconds(moment: SystemTime) -> i64 {
    match moment.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => {
            let before = before.duration();
            let whole = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            -whole - i64::from(before.subsec_nanos() > 0)
        }
    }
}

/// Seconds from 1970, written as RFC 3339 has it.
pub(super) struct Stamp(pub(super) i64);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut days, second) = (self.0.div_euclid(86_400), self.0.rem_euclid(86_400));
        // Eras of 400 years from the first of March of the year 0.
        days += 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let (day, month) = (day - (153 * month + 2) / 5 + 1, (month + 2) % 12 + 1);
        let year = year + era * 400 + i64::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
    }
}

#[cfg(test)]
mod tests {
    use dlssl_core::compat::time::{Form, seconds as read};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn inside_and_outside() {
        let validity = Validity { not_before: -10, not_after: 20 };
        assert!(validity.contains(UNIX_EPOCH) && validity.contains(validity.not_before()));
        assert!(!validity.contains(UNIX_EPOCH + Duration::from_secs(21)));
        assert_eq!(validity.to_string(), "1969-12-31T23:59:50Z to 1970-01-01T00:00:20Z");
    }

    proptest! {
        #[test]
        fn a_stamp_reads_back(moment in -62_167_219_200i64..253_402_300_800) {
            let text: String = Stamp(moment).to_string().chars().filter(char::is_ascii_alphanumeric).collect();
            prop_assert_eq!(read(Form::Generalized, text.replace('T', "").as_bytes()), Some(moment));
            prop_assert_eq!(seconds(time(moment)), moment);
        }
    }
}
