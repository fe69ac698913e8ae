//! From settings to a context: each setting is applied, or is an error; none is passed over.

use std::collections::HashSet;
use std::ffi::CString;
use std::path::Path;

use dlssl_core::compat::protocol::{Bounds, newest};
use dlssl_core::ffi::constants::{SSL_VERIFY_FAIL_IF_NO_PEER_CERT, SSL_VERIFY_NONE, SSL_VERIFY_PEER};
use dlssl_core::ffi::options::{
    CIPHER_SERVER_PREFERENCE, NO_CLIENT_RENEGOTIATION, NO_COMPRESSION, NO_SERVER_RENEGOTIATION, NO_SSLV2, NO_SSLV3,
    OptionSpec, SINGLE_ECDH_USE, Setting,
};
use dlssl_core::{ErrorStack, Library};

use super::settings::{PeerCertificate, Settings, Side};
use super::{Context, Inner, verify};
use crate::bio::method;
use crate::callback::{AlpnChoice, alpn_wire};
use crate::config::roots::{RootSource, default_roots, hashed_files, holds_hashed_certificates};
use crate::config::{Identity, Protocol, Source};
use crate::error::{Error, ErrorKind};
use crate::raw::SslContext;
use crate::x509::{Certificate, pem};

/// What older libraries still have in their default: no authentication, no encryption, and what is broken.
const CIPHERS: &str = "DEFAULT:!aNULL:!eNULL:!LOW:!EXPORT:!MD5:!RC4:!DES:!3DES:!SEED:!IDEA:!PSK:!SRP";

/// What every context refuses or does; each must be had by bit, by nature or by emulation.
const ALWAYS: [OptionSpec; 4] = [NO_SSLV2, NO_SSLV3, NO_COMPRESSION, SINGLE_ECDH_USE];

/// Builds a context.
pub(super) fn build(library: &Library, settings: &Settings) -> Result<Context, Error> {
    library.check_process().map_err(|inherited| Error::from(inherited).of(library))?;
    Builder { library, settings }.run().map_err(|error| error.of(library))
}

struct Builder<'a> {
    library: &'a Library,
    settings: &'a Settings,
}

impl Builder<'_> {
    fn run(&self) -> Result<Context, Error> {
        let context = SslContext::new(self.library).map_err(library_failed("cannot make a context"))?;
        for option in ALWAYS {
            self.apply(&context, option)?;
        }
        self.apply(
            &context,
            match self.settings.side {
                Side::Client => NO_SERVER_RENEGOTIATION,
                Side::Server => NO_CLIENT_RENEGOTIATION,
            },
        )?;
        if self.settings.side == Side::Server {
            self.apply(&context, CIPHER_SERVER_PREFERENCE)?;
            context
                .set_session_id_context(b"dlssl")
                .map_err(library_failed("cannot name the application in sessions"))?;
        }
        self.protocols(&context)?;
        self.ciphers(&context)?;
        let policy = verify::apply(self.library, &context, self.settings)?;
        self.peer(&context)?;
        if let Some(identity) = &self.settings.identity {
            self.identity(&context, identity)?;
        }
        self.alpn(&context)?;
        let method = method::for_library(self.library)
            .ok_or_else(|| Error::new(ErrorKind::Library, "the library has no more numbers for BIO types"))?;
        Ok(Context {
            inner: Inner {
                context: context.into(),
                method,
                tolerate_missing_close_notify: self.settings.tolerate_missing_close_notify,
                require_certificate: self.settings.peer_certificate == PeerCertificate::Required,
                verify: policy,
                no_wildcards: self.settings.verify.no_wildcards,
            }
            .into(),
        })
    }

    fn apply(&self, context: &SslContext, option: OptionSpec) -> Result<(), Error> {
        match context.apply(option) {
            Setting::Bits(_) | Setting::Inherent => Ok(()),
            Setting::Emulated
                if [NO_CLIENT_RENEGOTIATION.name, NO_SERVER_RENEGOTIATION.name].contains(&option.name) =>
            {
                context.refuse_renegotiation();
                Ok(())
            }
            _ => Err(self.unsupported(format!("the setting {}", option.name))),
        }
    }

    fn unsupported(&self, what: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::Unsupported, format!("{} cannot do {what}", self.library.version_text()))
    }

    fn protocols(&self, context: &SslContext) -> Result<(), Error> {
        let of_policy = context.min_protocol().and_then(Protocol::from_number);
        let min = match self.settings.min_protocol {
            Some(min) => min,
            None => of_policy.unwrap_or(Protocol::Tls12).max(Protocol::Tls12),
        };
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
        let required = self.settings.peer_certificate == PeerCertificate::Required;
        context.set_verify(SSL_VERIFY_PEER | if required { SSL_VERIFY_FAIL_IF_NO_PEER_CERT } else { 0 });
        let mut named = HashSet::new();
        if self.settings.roots.sources.is_empty() {
            return Err(Error::new(
                ErrorKind::NoRoots,
                "the peer is to be verified and no root is trusted; name some with Roots::file",
            ));
        }
        for source in &self.settings.roots.sources {
            match source {
                RootSource::Default => {
                    let found = default_roots(self.library)?;
                    self.locations(context, found.file(), found.directory())?;
                }
                RootSource::Directory(path) => {
                    if !holds_hashed_certificates(path) {
                        return Err(Error::new(
                            ErrorKind::NoRoots,
                            format!(
                                "{} holds no certificate named by hash; run `openssl rehash` on it",
                                path.display()
                            ),
                        ));
                    }
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

    fn locations(&self, context: &SslContext, file: Option<&Path>, directory: Option<&Path>) -> Result<(), Error> {
        let c_path = |path: Option<&Path>| -> Result<Option<CString>, Error> {
            let Some(path) = path else { return Ok(None) };
            let text = path
                .to_str()
                .ok_or_else(|| Error::new(ErrorKind::Configuration, format!("{} is not plain text", path.display())))?;
            c_string("the path", text).map(Some)
        };
        let (file, directory) = (c_path(file)?, c_path(directory)?);
        context.trust_locations(file.as_deref(), directory.as_deref()).map_err(|queue| {
            Error::new(ErrorKind::NoRoots, "the trusted certificates cannot be read").with_queue(queue)
        })
    }

    fn identity(&self, context: &SslContext, identity: &Identity) -> Result<(), Error> {
        let mut chain = pem::certificates(self.library, &identity.chain)?.into_iter();
        // `certificates` gives at least one.
        if let Some(own) = chain.next().and_then(Certificate::new) {
            let subject = own.subject_line();
            context.use_certificate(own.raw()).map_err(|queue| {
                Error::new(ErrorKind::Pem, format!("the library refuses the certificate {subject}")).with_queue(queue)
            })?;
            let key = pem::private_key(self.library, &identity.key, identity.password.as_ref())?;
            context.use_private_key(&key).map_err(|queue| {
                Error::new(
                    ErrorKind::Pem,
                    format!(
                        "the private key in {} does not belong to the certificate {subject}",
                        identity.key.describe()
                    ),
                )
                .with_queue(queue)
            })?;
        }
        for issuer in chain {
            context.add_chain_certificate(issuer).map_err(library_failed("cannot add to the chain"))?;
        }
        Ok(())
    }

    fn alpn(&self, context: &SslContext) -> Result<(), Error> {
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
        context.choose_alpn(AlpnChoice(protocols.clone()));
        Ok(())
    }
}

fn library_failed(what: &'static str) -> impl Fn(ErrorStack) -> Error {
    move |queue| Error::new(ErrorKind::Library, what).with_queue(queue)
}

fn c_string(what: &str, text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::new(ErrorKind::Configuration, format!("{what} holds a NUL byte")))
}
