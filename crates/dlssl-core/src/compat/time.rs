//! Times in certificates: by functions from OpenSSL 1.1.0 and LibreSSL 2.7 on, by the open structs of 1.0.2 before.
//!
//! The text inside is read in Rust ([`seconds`]), so that a year before 1970 or after 2037 means the same on every version
//! and with every width of `time_t`.

use std::ffi::c_void;

use crate::ffi::constants::{V_ASN1_GENERALIZEDTIME, V_ASN1_UTCTIME};
use crate::ffi::{ASN1_TIME, Functions, X509, memory};

/// Head of `struct x509_st` of 1.0.2.
#[repr(C)]
struct LegacyCertificate {
    info: *const LegacyInfo,
}

/// Head of `struct x509_cinf_st` of 1.0.2.
#[repr(C)]
struct LegacyInfo {
    version: *const c_void,
    serial: *const c_void,
    signature: *const c_void,
    issuer: *const c_void,
    validity: *const LegacyValidity,
}

/// `struct X509_val_st` of 1.0.2.
#[repr(C)]
struct LegacyValidity {
    not_before: *const ASN1_TIME,
    not_after: *const ASN1_TIME,
}

/// First and last second of a certificate's validity, in seconds since 1970; `None` for what is not a time.
///
/// # Safety
/// `certificate` must be a live certificate of this library.
#[must_use]
pub unsafe fn validity(functions: &Functions, certificate: *const X509) -> (Option<i64>, Option<i64>) {
    let x509 = &functions.x509;
    // SAFETY: by contract. The functions are absent on 1.0.2 only, where the structs are as above and none of the
    // pointers of a certificate that was parsed is null.
    unsafe {
        let (before, after) = match (x509.X509_get0_notBefore, x509.X509_get0_notAfter) {
            (Some(before), Some(after)) => (before(certificate), after(certificate)),
            _ => {
                let info = (*certificate.cast::<LegacyCertificate>()).info;
                let validity = (*info).validity;
                ((*validity).not_before, (*validity).not_after)
            }
        };
        (read(functions, before), read(functions, after))
    }
}

/// Reads one time.
///
/// # Safety
/// `time` must be null or a live time of this library.
unsafe fn read(functions: &Functions, time: *const ASN1_TIME) -> Option<i64> {
    if time.is_null() {
        return None;
    }
    let asn1 = &functions.asn1;
    // SAFETY: by contract; the bytes belong to the time and are read before anything else happens to it.
    unsafe {
        let len = isize::try_from((asn1.ASN1_STRING_length)(time)).ok()?;
        let text = memory::slice((asn1.ASN1_STRING_get0_data)(time), len);
        let form = match (asn1.ASN1_STRING_type)(time) {
            V_ASN1_UTCTIME => Form::Utc,
            V_ASN1_GENERALIZEDTIME => Form::Generalized,
            _ => return None,
        };
        seconds(form, text)
    }
}

/// The two ways in which a certificate writes a time (RFC 5280, section 4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Two digits of the year: 1950 to 2049.
    Utc,
    /// Four digits of the year.
    Generalized,
}

/// Seconds since 1970 of a time as a certificate writes it: `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`. Older forms without
/// seconds or with an offset (`+hhmm`) are read too; `None` for anything else.
#[must_use]
pub fn seconds(form: Form, text: &[u8]) -> Option<i64> {
    let mut rest = text;
    let year = match form {
        Form::Utc => {
            let year = digits(&mut rest, 2)?;
            if year < 50 { 2000 + year } else { 1900 + year }
        }
        Form::Generalized => digits(&mut rest, 4)?,
    };
    let (month, day) = (digits(&mut rest, 2)?, digits(&mut rest, 2)?);
    let (hour, minute) = (digits(&mut rest, 2)?, digits(&mut rest, 2)?);
    let second = if rest.first().is_some_and(u8::is_ascii_digit) { digits(&mut rest, 2)? } else { 0 };
    let offset = match rest {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), offset @ ..] => {
            let mut offset = offset;
            let (hours, minutes) = (digits(&mut offset, 2)?, digits(&mut offset, 2)?);
            if !offset.is_empty() || hours > 14 || minutes > 59 {
                return None;
            }
            (hours * 3600 + minutes * 60) * if *sign == b'+' { 1 } else { -1 }
        }
        _ => return None,
    };
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset)
}

fn digits(rest: &mut &[u8], count: usize) -> Option<i64> {
    let (digits, after) = rest.split_at_checked(count)?;
    *rest = after;
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the first of January 1970; the year begins in March here, so that the odd day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    const MARCH_OF_YEAR_0: i64 = 719_468;
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - MARCH_OF_YEAR_0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_times() {
        let cases: [(Form, &str, i64); 10] = [
            (Form::Utc, "700101000000Z", 0),
            (Form::Utc, "500101000000Z", -631_152_000),
            (Form::Utc, "491231235959Z", 2_524_607_999),
            (Form::Utc, "0001010000Z", 946_684_800),
            (Form::Utc, "000101010000+0100", 946_684_800),
            (Form::Generalized, "20500101000000Z", 2_524_608_000),
            (Form::Generalized, "19691231235959Z", -1),
            (Form::Generalized, "20000229120000Z", 951_825_600),
            (Form::Generalized, "99991231235959Z", 253_402_300_799),
            (Form::Generalized, "00000101000000Z", -62_167_219_200),
        ];
        for (form, text, expected) in cases {
            assert_eq!(seconds(form, text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "",
            "Z",
            "20010229000000Z",
            "20010132000000Z",
            "20011301000000Z",
            "20010101240000Z",
            "20010101000060Z",
            "20010101000000",
            "20010101000000.5Z",
            "20010101000000ZZ",
            "200101010000+01",
            "+0010101000000Z",
        ] {
            assert_eq!(seconds(Form::Generalized, text.as_bytes()), None, "{text}");
        }
        assert_eq!(seconds(Form::Utc, b"\0\x30101000000Z"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            let _ = (seconds(Form::Utc, &bytes), seconds(Form::Generalized, &bytes));
        }

        #[test]
        fn days_follow_each_other(year in 0i64..9999, month in 1i64..=12, day in 1i64..=31) {
            prop_assume!(day <= days_in(year, month));
            let next = if day < days_in(year, month) { (year, month, day + 1) }
                else if month < 12 { (year, month + 1, 1) } else { (year + 1, 1, 1) };
            prop_assert_eq!(days_since_1970(year, month, day) + 1, days_since_1970(next.0, next.1, next.2));
        }
    }
}
