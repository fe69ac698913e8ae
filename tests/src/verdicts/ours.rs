//! dlssl's verdict: a client's handshake, by a hand-written flight and, where the peer's key is at hand, with a server.

use std::io::Write;

use dlssl::{
    Acceptor, Connector, ConnectorBuilder, Crls, Error, ErrorKind, Identity, Protocol, Roots, TlsStream, VerifyFlag,
};

use super::Verdict;
use super::case::{Case, Kind};
use super::flight::flight;
use crate::library::library;
use crate::pem::pem_to_der;
use crate::talk::both;
use crate::wire::{End, pipe};

/// The name that is asked for where the case has none.
const ANY_NAME: &str = "any.test";

/// What came of it on one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// The certificate was judged.
    Judged(Verdict),
    /// It did not come to that.
    Other(String),
}

/// The verdict by the hand-written flight; for a client's certificate, by a handshake.
///
/// # Errors
/// Why the case cannot be tried.
pub fn verdict(case: &Case) -> Result<Verdict, String> {
    if case.validation_kind == Kind::Client {
        return match handshake(case) {
            Some(Way::Judged(verdict)) => Ok(verdict),
            Some(Way::Other(why)) => Err(why),
            None => Err("a client's certificate without its key".to_owned()),
        };
    }
    let connector = match connector(case)?.max_protocol(Protocol::Tls12).build() {
        Ok(connector) => connector,
        // A root or list that cannot be read is trusted in nothing.
        Err(error) => return Ok(Verdict::Refused(format!("not even configured: {error}"))),
    };
    let chain = std::iter::once(&case.peer_certificate).chain(&case.untrusted_intermediates);
    let (client, mut server) = pipe();
    server.write_all(&flight(&chain.map(|pem| pem_to_der(pem)).collect::<Result<Vec<_>, _>>()?)).unwrap();
    server.close_write();
    let Err(error) = connector.connect(name(case), client) else { return Err("a handshake without a key".to_owned()) };
    let kind = error.kind();
    let error = Error::from(error);
    Ok(if kind == ErrorKind::UnexpectedEof { Verdict::Accepted } else { Verdict::Refused(reason(&error)) })
}

/// What a whole handshake says, with the newest protocol that both sides have; `None` without the peer's key.
pub fn handshake(case: &Case) -> Option<Way> {
    let key = case.peer_certificate_key.as_ref()?;
    let chain = case.peer_certificate.clone() + &case.untrusted_intermediates.concat();
    let identity = Identity::pem(chain, key.clone());
    Some(match case.validation_kind {
        Kind::Server => server_is_judged(case, identity),
        Kind::Client => client_is_judged(case, identity),
    })
}

fn server_is_judged(case: &Case, identity: Identity) -> Way {
    let acceptor = match Acceptor::builder(library(), identity).build() {
        Ok(acceptor) => acceptor,
        Err(error) => return Way::Other(error.to_string()),
    };
    let connector = match connector(case).map(|builder| builder.build()) {
        Ok(Ok(connector)) => connector,
        Ok(Err(error)) => return Way::Other(error.to_string()),
        Err(why) => return Way::Other(why),
    };
    let (client, _server) = shake(&connector, &acceptor, name(case));
    if let Ok(stream) = &client
        && stream.peer_certificate().map(|sent| sent.der().to_vec()) != pem_to_der(&case.peer_certificate).ok()
    {
        return Way::Other("the server sends the certificate in other bytes".to_owned());
    }
    way(client.map(drop))
}

fn client_is_judged(case: &Case, identity: Identity) -> Way {
    if !case.expected_peer_names.is_empty() {
        return Way::Other("a server of dlssl asks a client for no name".to_owned());
    }
    let own = &crate::pki::Pki::shared().server;
    let mut builder = Acceptor::builder(library(), own.identity()).client_roots(roots(case));
    match case.time() {
        Ok(Some(time)) => builder = builder.verify_time(time),
        Ok(None) => {}
        Err(why) => return Way::Other(why),
    }
    let acceptor = builder.build();
    let client = crate::talk::connector().identity(identity).build();
    let (acceptor, client) = match (acceptor, client) {
        (Ok(acceptor), Ok(client)) => (acceptor, client),
        (Err(error), _) | (_, Err(error)) => return Way::Other(error.to_string()),
    };
    let (_client, server) = shake(&client, &acceptor, crate::pki::NAME);
    way(server.map(drop))
}

type Shaken = Result<TlsStream<End>, Error>;

/// Both sides; one that fails lets go of its end at once, so that the other does not wait for it.
fn shake(connector: &Connector, acceptor: &Acceptor, name: &str) -> (Shaken, Shaken) {
    let (client, server) = pipe();
    both(|| connector.connect(name, client).map_err(Error::from), || acceptor.accept(server).map_err(Error::from))
}

fn way(outcome: Result<(), Error>) -> Way {
    match outcome {
        Ok(()) => Way::Judged(Verdict::Accepted),
        Err(error) if error.kind() == ErrorKind::Certificate => Way::Judged(Verdict::Refused(reason(&error))),
        Err(error) => Way::Other(error.to_string()),
    }
}

fn reason(error: &Error) -> String {
    error.verify().map_or_else(|| error.to_string(), |failure| failure.reason().to_owned())
}

fn connector(case: &Case) -> Result<ConnectorBuilder, String> {
    untried(case)?;
    let mut builder = Connector::builder(library()).roots(roots(case)).verify_flags(flags(case)?);
    if let Some(time) = case.time()? {
        builder = builder.verify_time(time);
    }
    if let Some(depth) = case.max_chain_depth {
        builder = builder.verify_depth(depth);
    }
    if !case.crls.is_empty() {
        builder = builder.crls(Crls::bytes(case.crls.concat()));
    }
    Ok(if case.expected_peer_name.is_none() { builder.danger_accept_invalid_names(true) } else { builder })
}

/// Why a case asks for something that a TLS client is not asked for.
fn untried(case: &Case) -> Result<(), String> {
    let purposes = |name: &String| name == "serverAuth";
    if !case.extended_key_usage.iter().all(purposes) {
        return Err(format!("extended key usage {:?}", case.extended_key_usage));
    }
    if !case.signature_algorithms.is_empty() || !case.key_usage.is_empty() {
        return Err("signature algorithms or key usage of the case's own".to_owned());
    }
    match &case.expected_peer_name {
        Some(name) if !matches!(&*name.kind, "DNS" | "IP") => Err(format!("a peer with a name of kind {}", name.kind)),
        _ => Ok(()),
    }
}

fn roots(case: &Case) -> Roots {
    Roots::pem(case.trusted_certs.concat())
}

fn name(case: &Case) -> &str {
    case.expected_peer_name.as_ref().map_or(ANY_NAME, |name| &name.value)
}

fn flags(case: &Case) -> Result<Vec<VerifyFlag>, String> {
    let mut flags = Vec::new();
    if super::trusts_intermediates(case)? {
        flags.push(VerifyFlag::PartialChain);
    }
    if !case.crls.is_empty() {
        flags.push(VerifyFlag::CrlCheckAll);
    }
    Ok(flags)
}
