//! The client's handshakes.

use std::io;

use dlssl::Protocol;
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::rand::SystemRandom;

use super::keys::{Keys, Schedule, finished13, hash, prf};
use super::{CHANGE_CIPHER, CLIENT_HELLO, Cursor, Plan, Rogue, SERVER_HELLO, counted, extension, unspecified};

const RANDOM: [u8; 32] = [7; 32];

pub(super) fn shake(rogue: &mut Rogue, plan: Plan) -> io::Result<()> {
    if rogue.protocol == Protocol::Tls13 { tls13(rogue, plan) } else { tls12(rogue, plan) }
}

/// A client hello with one cipher suite.
fn hello(session: &[u8], cipher: u16, extensions: &[u8]) -> Vec<u8> {
    let ciphers = counted(2, &cipher.to_be_bytes());
    [&[3, 3][..], &RANDOM, &counted(1, session), &ciphers, &[1, 0], &counted(2, extensions)].concat()
}

/// The extensions of a good client hello of TLS 1.2.
fn extensions12() -> Vec<u8> {
    [
        extension(0xff01, &[0]),
        extension(10, &counted(2, &[0, 23])),
        extension(11, &counted(1, &[0])),
        extension(13, &counted(2, &[4, 3, 8, 4, 4, 1])),
    ]
    .concat()
}

fn tls12(rogue: &mut Rogue, mut plan: Plan) -> io::Result<()> {
    rogue.say(CLIENT_HELLO, &hello(&[], 0xc02b, &extensions12()))?;
    let answer = rogue.hear(SERVER_HELLO)?;
    let random = answer.get(2..34).ok_or_else(|| io::Error::other("a short hello"))?.to_vec();
    let exchange = rogue.hear(12)?;
    rogue.hear(14)?;
    if let Some(middle) = plan.middle.take() {
        middle(rogue)?;
    }
    let point = UnparsedPublicKey::new(&ECDH_P256, Cursor(&exchange[3..]).counted(1)?.to_vec());
    let own = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).map_err(unspecified)?;
    let public = own.compute_public_key().map_err(unspecified)?;
    rogue.say(16, &counted(1, public.as_ref()))?;
    let shared = agree_ephemeral(own, &point, <[u8]>::to_vec).map_err(unspecified)?;
    let master = prf(&shared, "master secret", &[&RANDOM[..], &random].concat(), 48);
    let block = prf(&master, "key expansion", &[&random[..], &RANDOM].concat(), 40);
    rogue.send(CHANGE_CIPHER, &[1])?;
    rogue.sending = Some(Keys::tls12(&block[..16], &block[32..36]));
    rogue.say(20, &prf(&master, "client finished", &hash(&rogue.transcript), 12))?;
    rogue.hear_change(Keys::tls12(&block[16..32], &block[36..]))?;
    rogue.hear(20).map(drop)
}

fn tls13(rogue: &mut Rogue, mut plan: Plan) -> io::Result<()> {
    let own = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).map_err(unspecified)?;
    let public = own.compute_public_key().map_err(unspecified)?;
    let share = [&[0, 29][..], &counted(2, public.as_ref())].concat();
    let extensions = [
        extension(43, &[2, 3, 4]),
        extension(10, &counted(2, &[0, 29])),
        extension(13, &counted(2, &[4, 3, 8, 4])),
        extension(51, &counted(2, &share)),
    ]
    .concat();
    rogue.say(CLIENT_HELLO, &hello(&[], 0x1301, &extensions))?;
    let answer = rogue.hear(SERVER_HELLO)?;
    let mut answer = Cursor(&answer);
    answer.take(34)?;
    answer.counted(1)?;
    answer.take(3)?;
    let share = Cursor(answer.counted(2)?).extension(51)?;
    let peer = UnparsedPublicKey::new(&X25519, Cursor(&share[2..]).counted(2)?.to_vec());
    let schedule = Schedule::handshake(&agree_ephemeral(own, &peer, <[u8]>::to_vec).map_err(unspecified)?);
    let (client, server) = schedule.traffic("hs", &rogue.transcript);
    rogue.receiving = Some(Keys::tls13(&server));
    rogue.hear(20)?;
    if let Some(middle) = plan.middle.take() {
        rogue.sending = Some(Keys::tls13(&client));
        middle(rogue)?;
    }
    rogue.sending = Some(Keys::tls13(&client));
    let (client_later, server) = schedule.application().traffic("ap", &rogue.transcript);
    rogue.say(20, &finished13(&client, &rogue.transcript))?;
    rogue.sending = Some(Keys::tls13(&client_later));
    rogue.receiving = Some(Keys::tls13(&server));
    Ok(())
}
