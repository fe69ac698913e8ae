//! One case in the shape of x509-limbo's `limbo.json`, read and written.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize};
use time::{Date, Month, Time};

/// A file of cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suite {
    /// Of the format; 1.
    pub version: u32,
    /// The cases.
    pub testcases: Vec<Case>,
}

/// A chain, what is asked of it, and the verdict that it should get. Lists may be missing or null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Name, such as `names::mismatch`.
    pub id: String,
    /// Cases that cannot be right at the same time.
    #[serde(default, deserialize_with = "list")]
    pub conflicts_with: Vec<String>,
    /// What it needs beyond the ordinary.
    #[serde(default, deserialize_with = "list")]
    pub features: Vec<String>,
    /// How much it matters.
    #[serde(default = "undetermined")]
    pub importance: String,
    /// In words.
    #[serde(default)]
    pub description: String,
    /// Who is verified.
    pub validation_kind: Kind,
    /// PEM.
    #[serde(deserialize_with = "list")]
    pub trusted_certs: Vec<String>,
    /// PEM.
    #[serde(deserialize_with = "list")]
    pub untrusted_intermediates: Vec<String>,
    /// PEM.
    pub peer_certificate: String,
    /// PEM.
    #[serde(default)]
    pub peer_certificate_key: Option<String>,
    /// RFC 3339, in UTC; now when there is none.
    #[serde(default)]
    pub validation_time: Option<String>,
    /// Those that may be used.
    #[serde(default, deserialize_with = "list")]
    pub signature_algorithms: Vec<String>,
    /// Those that must be there.
    #[serde(default, deserialize_with = "list")]
    pub key_usage: Vec<String>,
    /// Those that must be there.
    #[serde(default, deserialize_with = "list")]
    pub extended_key_usage: Vec<String>,
    /// The right verdict.
    pub expected_result: Expected,
    /// Of a server.
    #[serde(default)]
    pub expected_peer_name: Option<PeerName>,
    /// Of a client.
    #[serde(default, deserialize_with = "list")]
    pub expected_peer_names: Vec<PeerName>,
    /// Most certificates between the peer's own and the root.
    #[serde(default)]
    pub max_chain_depth: Option<u32>,
    /// PEM.
    #[serde(default, deserialize_with = "list")]
    pub crls: Vec<String>,
}

/// Who is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Kind {
    /// A server, by a client.
    Server,
    /// A client, by a server.
    Client,
}

/// The right verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Expected {
    /// Accepted.
    Success,
    /// Refused.
    Failure,
}

/// The name that the peer must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerName {
    /// `DNS`, `IP` or `RFC822`.
    pub kind: String,
    /// The name.
    pub value: String,
}

impl Case {
    /// When it is verified; `None` for now.
    ///
    /// # Errors
    /// When it is no time in UTC.
    pub fn time(&self) -> Result<Option<SystemTime>, String> {
        let Some(text) = &self.validation_time else { return Ok(None) };
        let seconds = seconds(text).ok_or_else(|| format!("{text} is no time in UTC"))?;
        let span = Duration::from_secs(seconds.unsigned_abs());
        Ok(Some(if seconds < 0 { UNIX_EPOCH - span } else { UNIX_EPOCH + span }))
    }
}

impl Suite {
    /// The cases in a file, or in every `.json` of a folder.
    ///
    /// # Errors
    /// What cannot be read, with its path.
    pub fn read(path: &Path) -> Result<Suite, String> {
        let told = |error: &dyn std::fmt::Display, path: &Path| format!("{}: {error}", path.display());
        let mut files = vec![path.to_owned()];
        if path.is_dir() {
            let entries = fs::read_dir(path).map_err(|error| told(&error, path))?;
            files =
                entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path: &PathBuf| is_json(path)).collect();
            files.sort();
        }
        let mut whole = Suite { version: 1, testcases: Vec::new() };
        for file in files {
            let text = fs::read_to_string(&file).map_err(|error| told(&error, &file))?;
            let suite: Suite = serde_json::from_str(&text).map_err(|error| told(&error, &file))?;
            if suite.version != 1 {
                return Err(format!("{}: version {} of the format is unknown", file.display(), suite.version));
            }
            whole.testcases.extend(suite.testcases);
        }
        if whole.testcases.is_empty() {
            return Err(format!("{}: no cases", path.display()));
        }
        Ok(whole)
    }
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

/// Seconds from 1970.
fn seconds(text: &str) -> Option<i64> {
    let bare = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (date, clock) = bare.split_once(['T', ' '])?;
    let mut date = date.splitn(3, '-');
    let year = date.next()?.parse().ok()?;
    let month = Month::try_from(date.next()?.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year, month, date.next()?.parse().ok()?).ok()?;
    let clock: Option<Vec<u8>> = clock.split(':').map(|part| part.parse().ok()).collect();
    let [hour, minute, second] = clock?.try_into().ok()?;
    Some(date.with_time(Time::from_hms(hour, minute, second).ok()?).assume_utc().unix_timestamp())
}

fn undetermined() -> String {
    "undetermined".to_owned()
}

fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
