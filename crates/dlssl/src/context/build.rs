//! From settings to a context: each setting is applied, or is an error; none is passed over.

use std::collections::HashSet;
use std::ffi::CString;
use std::sync::Arc;

use dlssl_core::compat::protocol::{Bounds, newest};
use dlssl_core::ffi::constants::{
    SSL_VERIFY_FAIL_IF_NO_PEER_CERT, SSL_VERIFY_NONE, SSL_VERIFY_PEER, SSL_VERIFY_POST_HANDSHAKE,
};
use dlssl_core::ffi::options::{
    CIPHER_SERVER_PREFERENCE, NO_CLIENT_RENEGOTIATION, NO_COMPRESSION, NO_SERVER_RENEGOTIATION, NO_SSLV2, NO_SSLV3,
    NO_TLSV1, NO_TLSV1_1, NO_TLSV1_2, NO_TLSV1_3, OptionSpec, SINGLE_ECDH_USE, Setting,
};
use dlssl_core::{ErrorStack, Library};

use super::settings::{PeerCertificate, Settings, Side};
use super::{Context, Inner, hooks, identity, sessions, verify};
use crate::bio::method;
use crate::callback::{AlpnChoice, alpn_wire};
use crate::config::roots::{RootSource, check_hashed, hashed_files};
use crate::config::{Identity, Protocol, Source};
use crate::error::{Error, ErrorKind};
use crate::raw::SslContext;
use crate::x509::{pem, subject_line};

/// What older libraries still have in their default: no authentication, no encryption, and what is broken.
const CIPHERS: &str = "DEFAULT:!aNULL:!eNULL:!LOW:!EXPORT:!MD5:!RC4:!DES:!3DES:!SEED:!IDEA:!PSK:!SRP";

/// What every context refuses or does; each must be had by bit, by nature or by emulation.
const ALWAYS: [OptionSpec; 4] = [NO_SSLV2, NO_SSLV3, NO_COMPRESSION, SINGLE_ECDH_USE];

/// Builds a context.
pub(super) fn build(library: &Library, settings: &Settings) -> Result<Context, Error> {
    library.check_process().map_err(|inherited| Error::from(inherited).of(library))?;
    run(library, settings).map_err(|error| error.of(library))
}

/// Builds one C context: the first of its kind, or another with a certificate of its own.
pub(super) fn one(
    library: &Library,
    settings: &Settings,
    identity: Option<&Identity>,
    id_context: &[u8],
) -> Result<SslContext, Error> {
    Builder { library, settings }.one(identity, id_context).map_err(|error| error.of(library))
}

fn run(library: &Library, settings: &Settings) -> Result<Context, Error> {
    let method = method::for_library(library)
        .ok_or_else(|| Error::new(ErrorKind::Library, "the library has no more numbers for BIO types"))?;
    let id_context = sessions::id_context(library, settings)?;
    let replacement = settings.replacement.current();
    let context = one(library, settings, replacement.as_ref().or(settings.identity.as_ref()), &id_context)?;
    let hooks = hooks::make(library, settings, id_context)?;
    let builder = Builder { library, settings };
    let oldest = builder.oldest(&context);
    let spoken = Protocol::ALL.into_iter().filter(|protocol| builder.speaks(oldest, *protocol)).collect();
    Ok(Context {
        inner: Inner {
            context,
            method,
            tolerate_missing_close_notify: settings.tolerate_missing_close_notify,
            // A pre-shared key says who the peer is as well as a certificate does.
            require_certificate: settings.peer_certificate == PeerCertificate::Required
                && settings.functions.psk.is_none(),
            asks_on_request: settings.peer_certificate == PeerCertificate::OnRequest,
            spoken,
            offered_alpn: settings.alpn.clone(),
            hooks,
            verify: verify::policy(settings),
            no_wildcards: settings.verify.no_wildcards,
            kernel_tls: settings.tuning.asks_for_kernel_tls(),
        }
        .into(),
    })
}

pub(super) struct Builder<'a> {
    pub(super) library: &'a Library,
    pub(super) settings: &'a Settings,
}

impl Builder<'_> {
    fn one(&self, identity: Option<&Identity>, id_context: &[u8]) -> Result<SslContext, Error> {
        let context = SslContext::new(self.library).map_err(library_failed("cannot make a context"))?;
        for option in ALWAYS {
            self.apply(&context, option)?;
        }
        self.apply(&context, self.refusal())?;
        if self.settings.side == Side::Server {
            self.apply(&context, CIPHER_SERVER_PREFERENCE)?;
            context
                .set_session_id_context(id_context)
                .map_err(library_failed("cannot name the application in sessions"))?;
        }
        self.protocols(&context)?;
        self.security_level(&context)?;
        self.ciphers(&context)?;
        verify::apply(self.library, &context, self.settings)?;
        self.tuning(&context)?;
        self.peer(&context)?;
        if let Some(identity) = identity {
            self.identity(&context, identity)?;
        }
        self.alpn(&context)?;
        self.sessions(&context)?;
        self.functions(&context)?;
        context.hear_events(self.settings.functions.info.is_some() || self.refuses_renegotiation());
        Ok(context)
    }

    /// The option that refuses renegotiation by the peer.
    fn refusal(&self) -> OptionSpec {
        match self.settings.side {
            Side::Client => NO_SERVER_RENEGOTIATION,
            Side::Server => NO_CLIENT_RENEGOTIATION,
        }
    }

    /// Whether that is left to us.
    pub(super) fn refuses_renegotiation(&self) -> bool {
        self.refusal().resolve(self.library.flavour(), self.library.version()) == Setting::Emulated
    }

    pub(super) fn apply(&self, context: &SslContext, option: OptionSpec) -> Result<(), Error> {
        match context.apply(option) {
            Setting::Bits(_) | Setting::Inherent => Ok(()),
            Setting::Emulated
                if [NO_CLIENT_RENEGOTIATION.name, NO_SERVER_RENEGOTIATION.name].contains(&option.name) =>
            {
                // By the information callback.
                Ok(())
            }
            _ => Err(self.unsupported(format!("the setting {}", option.name))),
        }
    }

    pub(super) fn unsupported(&self, what: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::Unsupported, format!("{} cannot do {what}", self.library.version_text()))
    }

    /// The oldest version that is to be spoken.
    fn oldest(&self, context: &SslContext) -> Protocol {
        let of_policy = || context.min_protocol().and_then(Protocol::from_number).unwrap_or(Protocol::Tls12);
        self.settings.min_protocol.unwrap_or_else(|| of_policy().max(Protocol::Tls12))
    }

    fn speaks(&self, oldest: Protocol, protocol: Protocol) -> bool {
        protocol >= oldest
            && self.settings.max_protocol.is_none_or(|max| protocol <= max)
            && protocol.number() <= newest(self.library.flavour(), self.library.version())
            && !self.settings.tuning.disabled.contains(&protocol)
    }

    fn protocols(&self, context: &SslContext) -> Result<(), Error> {
        let min = self.oldest(context);
        let max = self.settings.max_protocol;
        if max.is_some_and(|max| max < min) {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("the newest protocol ({}) is older than the oldest ({min})", max.unwrap_or(min)),
            ));
        }
        let newest = newest(self.library.flavour(), self.library.version());
        if min.number() > newest {
            return Err(self.unsupported(min));
        }
        if !Protocol::ALL.into_iter().any(|protocol| self.speaks(min, protocol)) {
            return Err(Error::new(ErrorKind::Configuration, "no version of TLS is left to speak"));
        }
        for protocol in &self.settings.tuning.disabled {
            self.apply(
                context,
                match protocol {
                    Protocol::Tls10 => NO_TLSV1,
                    Protocol::Tls11 => NO_TLSV1_1,
                    Protocol::Tls12 => NO_TLSV1_2,
                    Protocol::Tls13 => NO_TLSV1_3,
                },
            )?;
        }
        // A maximum above what the library speaks bounds nothing.
        let max = max.map(Protocol::number).filter(|max| *max < newest);
        context.set_bounds(Bounds { min: Some(min.number()), max }).map_err(|refused| {
            match Protocol::from_number(refused.version) {
                Some(protocol) => self.unsupported(protocol),
                None => self.unsupported(format!("protocol {:#06x}", refused.version)),
            }
        })
    }

    fn ciphers(&self, context: &SslContext) -> Result<(), Error> {
        let list = match &self.settings.cipher_list {
            Some(list) => Some(format!("{list}:!aNULL:!eNULL")),
            None if context.has_good_ciphers() => None,
            None => Some(CIPHERS.to_owned()),
        };
        if let Some(list) = list {
            context.set_cipher_list(&c_string("the cipher list", &list)?).map_err(|queue| {
                let words = format!("the cipher list \"{list}\" holds nothing the library has");
                Error::new(ErrorKind::Configuration, words).with_queue(queue)
            })?;
        }
        let Some(suites) = &self.settings.ciphersuites else { return Ok(()) };
        if suites.is_empty() {
            return Err(Error::new(ErrorKind::Configuration, "the list of TLS 1.3 cipher suites is empty"));
        }
        let set = |suites: &str| match context.set_ciphersuites(&c_string("the cipher suites", suites)?) {
            None => Err(self.unsupported("a choice of TLS 1.3 cipher suites")),
            Some(outcome) => outcome.map_err(|queue| {
                Error::new(ErrorKind::Configuration, format!("the library has no cipher suite \"{suites}\""))
                    .with_queue(queue)
            }),
        };
        // OpenSSL 3 passes over those it does not know: so each by itself, then all.
        suites.split(':').try_for_each(set)?;
        set(suites)
    }

    fn peer(&self, context: &SslContext) -> Result<(), Error> {
        if self.settings.peer_certificate == PeerCertificate::Ignored {
            context.set_verify(SSL_VERIFY_NONE);
            return Ok(());
        }
        let more = match self.settings.peer_certificate {
            PeerCertificate::Required => SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
            PeerCertificate::OnRequest if !context.asks_for_later_certificates() => {
                return Err(self.unsupported("certificates after the handshake"));
            }
            PeerCertificate::OnRequest => SSL_VERIFY_POST_HANDSHAKE,
            PeerCertificate::Ignored | PeerCertificate::Optional => 0,
        };
        context.set_verify(SSL_VERIFY_PEER | more);
        let mut named = HashSet::new();
        if self.settings.roots.sources.is_empty() {
            return Err(Error::new(
                ErrorKind::NoRoots,
                "the peer is to be verified and no root is trusted; name some with Roots::file",
            ));
        }
        for source in &self.settings.roots.sources {
            match source {
                RootSource::Default => self.default_roots(context)?,
                RootSource::Directory(path) => {
                    check_hashed(path)?;
                    self.locations(context, None, Some(path))?;
                    if self.settings.side == Side::Server {
                        for file in hashed_files(path) {
                            // C passes over files that it cannot read, and so do their names.
                            if let Ok(certificates) = pem::certificates(self.library, &Source::File(file)) {
                                verify::name_authorities(context, &certificates, &mut named)?;
                            }
                        }
                    }
                }
                RootSource::Pem(source) => {
                    let certificates = pem::certificates(self.library, source)?;
                    for certificate in &certificates {
                        context.trust(certificate).map_err(library_failed("cannot trust a certificate"))?;
                    }
                    if self.settings.side == Side::Server {
                        verify::name_authorities(context, &certificates, &mut named)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn identity(&self, context: &SslContext, identity: &Identity) -> Result<(), Error> {
        let loaded = identity::load(self.library, identity)?;
        let subject = subject_line(&loaded.own);
        context.use_certificate(&loaded.own).map_err(|queue| {
            Error::new(ErrorKind::Pem, format!("the library refuses the certificate {subject}")).with_queue(queue)
        })?;
        context.use_private_key(&loaded.key).map_err(|queue| {
            let words =
                format!("the private key in {} does not belong to the certificate {subject}", loaded.key_source);
            Error::new(ErrorKind::Pem, words).with_queue(queue)
        })?;
        for issuer in loaded.issuers {
            context.add_chain_certificate(issuer).map_err(library_failed("cannot add to the chain"))?;
        }
        if let Some(status) = &identity.staple {
            context.set_staple(Arc::clone(status));
        }
        Ok(())
    }

    fn alpn(&self, context: &SslContext) -> Result<(), Error> {
        if let Some(function) = &self.settings.functions.alpn {
            context.choose_alpn(AlpnChoice::Function(function.clone()));
            return Ok(());
        }
        let protocols = &self.settings.alpn;
        if protocols.is_empty() {
            return Ok(());
        }
        let wire = alpn_wire(protocols).ok_or_else(|| {
            Error::new(ErrorKind::Configuration, "an ALPN protocol name has 1 to 255 bytes, all together 65,535")
        })?;
        if self.settings.side == Side::Client {
            return context.offer_alpn(&wire).map_err(library_failed("cannot offer ALPN protocols"));
        }
        context.choose_alpn(AlpnChoice::List(protocols.clone()));
        Ok(())
    }
}

pub(super) fn library_failed(what: &'static str) -> impl Fn(ErrorStack) -> Error {
    move |queue| Error::new(ErrorKind::Library, what).with_queue(queue)
}

pub(super) fn c_string(what: &str, text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::new(ErrorKind::Configuration, format!("{what} holds a NUL byte")))
}
