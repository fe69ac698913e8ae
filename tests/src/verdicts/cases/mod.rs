//! Our own cases: each is right but for one thing.

mod authorities;
mod chains;
mod constraints;
mod encoding;
mod extensions;
mod keys;
mod names;
mod revocation;
mod validity;

use super::case::{Case, Expected, Kind, PeerName};
use super::certificate::{Certificate, Made, dns};
use crate::pem::der_to_pem;

pub use keys::made_by_openssl;

/// When all is verified: in the middle of the usual validity.
const WHEN: &str = "2025-06-15T12:00:00+00:00";
/// Who is looked for.
const HOST: &str = "www.server.test";

/// Makes the cases of a group.
pub type Make = fn() -> Vec<Case>;

/// The groups, by the first part of their identifiers.
pub const GROUPS: [(&str, Make); 9] = [
    ("validity", validity::cases),
    ("names", names::cases),
    ("constraints", constraints::cases),
    ("authorities", authorities::cases),
    ("extensions", extensions::cases),
    ("chains", chains::cases),
    ("keys", keys::cases),
    ("encoding", encoding::cases),
    ("revocation", revocation::cases),
];

/// A root and an intermediate.
struct Pki {
    root: Made,
    middle: Made,
}

impl Pki {
    fn new() -> Self {
        let root = Certificate::authority("verdict root").self_signed();
        let middle = Certificate::authority("verdict intermediate").signed_by(&root);
        Pki { root, middle }
    }

    /// A good server's certificate below the intermediate, but for the change.
    fn leaf(&self, id: &str, change: impl FnOnce(Certificate) -> Certificate) -> Draft {
        self.draft(id, &change(server()).signed_by(&self.middle))
    }

    /// The same with an intermediate that differs.
    fn middle(&self, id: &str, change: impl FnOnce(Certificate) -> Certificate) -> Draft {
        let middle = change(Certificate::authority("another intermediate")).signed_by(&self.root);
        Draft::new(id, &[&self.root], &[&middle], &server().signed_by(&middle))
    }

    /// The same with a root that differs.
    fn root(id: &str, change: impl FnOnce(Certificate) -> Certificate) -> Draft {
        let root = change(Certificate::authority("another root")).self_signed();
        let middle = Certificate::authority("its intermediate").signed_by(&root);
        Draft::new(id, &[&root], &[&middle], &server().signed_by(&middle))
    }

    fn draft(&self, id: &str, peer: &Made) -> Draft {
        Draft::new(id, &[&self.root], &[&self.middle], peer)
    }
}

/// A good server's certificate.
fn server() -> Certificate {
    Certificate::server(&[dns(HOST)])
}

/// A case that lacks its verdict.
struct Draft(Case);

impl Draft {
    fn new(id: &str, trusted: &[&Made], sent: &[&Made], peer: &Made) -> Self {
        let all = |made: &[&Made]| made.iter().map(|made| made.pem()).collect();
        Draft(Case {
            id: id.to_owned(),
            conflicts_with: Vec::new(),
            features: Vec::new(),
            importance: "undetermined".to_owned(),
            description: String::new(),
            validation_kind: Kind::Server,
            trusted_certs: all(trusted),
            untrusted_intermediates: all(sent),
            peer_certificate: peer.pem(),
            peer_certificate_key: Some(peer.key_pem()),
            validation_time: Some(WHEN.to_owned()),
            signature_algorithms: Vec::new(),
            key_usage: Vec::new(),
            extended_key_usage: Vec::new(),
            expected_result: Expected::Failure,
            expected_peer_name: Some(PeerName { kind: "DNS".to_owned(), value: HOST.to_owned() }),
            expected_peer_names: Vec::new(),
            max_chain_depth: None,
            crls: Vec::new(),
        })
    }

    /// Looked for under another name.
    fn host(mut self, name: &str) -> Self {
        self.0.expected_peer_name = Some(PeerName { kind: "DNS".to_owned(), value: name.to_owned() });
        self
    }

    /// Looked for under an address.
    fn address(mut self, address: &str) -> Self {
        self.0.expected_peer_name = Some(PeerName { kind: "IP".to_owned(), value: address.to_owned() });
        self
    }

    fn at(mut self, time: &str) -> Self {
        self.0.validation_time = Some(time.to_owned());
        self
    }

    fn depth(mut self, most: u32) -> Self {
        self.0.max_chain_depth = Some(most);
        self
    }

    fn lists(mut self, lists: &[Vec<u8>]) -> Self {
        self.0.crls = lists.iter().map(|der| der_to_pem("X509 CRL", der)).collect();
        self
    }

    /// A client's certificate.
    fn client(mut self) -> Self {
        self.0.validation_kind = Kind::Client;
        self.0.expected_peer_name = None;
        self
    }

    fn good(mut self, words: &str) -> Case {
        self.0.expected_result = Expected::Success;
        words.clone_into(&mut self.0.description);
        self.0
    }

    fn bad(mut self, words: &str) -> Case {
        words.clone_into(&mut self.0.description);
        self.0
    }
}
