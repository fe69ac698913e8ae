//! `Protocol`: the versions that native-tls names, as bounds of dlssl.

use crate::{Error, Result};

/// Version of the protocol, for [`min_protocol_version`](crate::TlsConnectorBuilder::min_protocol_version) and
/// [`max_protocol_version`](crate::TlsConnectorBuilder::max_protocol_version).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Protocol {
    /// SSL 3.0, which is broken. As the oldest version it stands for TLS 1.0, as the newest one it is an error.
    Sslv3,
    /// TLS 1.0, obsolete (RFC 8996).
    Tlsv10,
    /// TLS 1.1, obsolete (RFC 8996).
    Tlsv11,
    /// TLS 1.2.
    Tlsv12,
    /// TLS 1.3.
    Tlsv13,
}

/// Bounds as a program sets them. Without an oldest version it is dlssl that knows: TLS 1.2, or what the library's
/// configuration demands if that is newer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) oldest: Option<Protocol>,
    pub(crate) newest: Option<Protocol>,
}

impl Bounds {
    pub(crate) fn oldest(self) -> Option<dlssl::Protocol> {
        // No library that is loaded speaks anything older than TLS 1.0 to us: a bound below it bounds nothing.
        self.oldest.map(|protocol| protocol.of_dlssl().unwrap_or(dlssl::Protocol::Tls10))
    }

    pub(crate) fn newest(self) -> Result<Option<dlssl::Protocol>> {
        self.newest.map(|protocol| protocol.of_dlssl().ok_or(Error::ONLY_SSLV3)).transpose()
    }
}

impl Protocol {
    fn of_dlssl(self) -> Option<dlssl::Protocol> {
        match self {
            Self::Sslv3 => None,
            Self::Tlsv10 => Some(dlssl::Protocol::Tls10),
            Self::Tlsv11 => Some(dlssl::Protocol::Tls11),
            Self::Tlsv12 => Some(dlssl::Protocol::Tls12),
            Self::Tlsv13 => Some(dlssl::Protocol::Tls13),
        }
    }
}
