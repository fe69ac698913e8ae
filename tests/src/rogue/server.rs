//! The server's handshakes.

use std::io;

use dlssl::Protocol;
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::rand::SystemRandom;

use super::keys::{Keys, Schedule, finished13, hash, prf};
use super::{
    CERTIFICATE, CHANGE_CIPHER, CLIENT_HELLO, Cursor, Plan, Rogue, SERVER_HELLO, TICKET, counted, extension,
    unspecified,
};

const RANDOM: [u8; 32] = [9; 32];

pub(super) fn shake(rogue: &mut Rogue, plan: Plan) -> io::Result<()> {
    let hello = rogue.hear(CLIENT_HELLO)?;
    let mut hello = Cursor(&hello);
    hello.take(2)?;
    let random = hello.take(32)?;
    let session = hello.counted(1)?;
    hello.counted(2)?;
    hello.counted(1)?;
    let extensions = Cursor(hello.counted(2)?);
    if rogue.protocol == Protocol::Tls13 { tls13(rogue, plan, session, extensions) } else { tls12(rogue, plan, random) }
}

fn tls12(rogue: &mut Rogue, mut plan: Plan, random: &[u8]) -> io::Result<()> {
    let mut extensions = extension(0xff01, &[0]);
    if plan.ticket.is_some() {
        extensions.extend(extension(35, &[]));
    }
    rogue.say(SERVER_HELLO, &hello(&[], 0xc02b, &extensions))?;
    if let Some(middle) = plan.middle.take() {
        middle(rogue)?;
    }
    let chain: Vec<u8> = plan.chain.iter().flat_map(|der| counted(3, der)).collect();
    rogue.say(CERTIFICATE, &counted(3, &chain))?;
    let own = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).map_err(unspecified)?;
    let public = own.compute_public_key().map_err(unspecified)?;
    let parameters = [&[3, 0, 23][..], &counted(1, public.as_ref())].concat();
    let signature = plan.sign(&[random, &RANDOM, &parameters].concat());
    rogue.say(12, &[parameters, signature].concat())?;
    rogue.say(14, &[])?;
    let exchange = rogue.hear(16)?;
    let point = UnparsedPublicKey::new(&ECDH_P256, Cursor(&exchange).counted(1)?.to_vec());
    let shared = agree_ephemeral(own, &point, <[u8]>::to_vec).map_err(unspecified)?;
    let master = prf(&shared, "master secret", &[random, &RANDOM].concat(), 48);
    let block = prf(&master, "key expansion", &[&RANDOM, random].concat(), 40);
    rogue.hear_change(Keys::tls12(&block[..16], &block[32..36]))?;
    rogue.hear(20)?;
    if let Some(ticket) = &plan.ticket {
        rogue.say(TICKET, &[&[0, 0, 14, 16][..], &counted(2, ticket)].concat())?;
    }
    rogue.send(CHANGE_CIPHER, &[1])?;
    rogue.sending = Some(Keys::tls12(&block[16..32], &block[36..]));
    rogue.say(20, &prf(&master, "server finished", &hash(&rogue.transcript), 12))
}

fn tls13(rogue: &mut Rogue, mut plan: Plan, session: &[u8], mut extensions: Cursor<'_>) -> io::Result<()> {
    let mut shares = Cursor(Cursor(extensions.extension(51)?).counted(2)?);
    let peer = UnparsedPublicKey::new(&X25519, shares.extension(29)?.to_vec());
    let own = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).map_err(unspecified)?;
    let public = own.compute_public_key().map_err(unspecified)?;
    let share = [&[0, 29][..], &counted(2, public.as_ref())].concat();
    let extensions = [extension(43, &[3, 4]), extension(51, &share)].concat();
    rogue.say(SERVER_HELLO, &hello(session, 0x1301, &extensions))?;
    let schedule = Schedule::handshake(&agree_ephemeral(own, &peer, <[u8]>::to_vec).map_err(unspecified)?);
    let (client, server) = schedule.traffic("hs", &rogue.transcript);
    rogue.sending = Some(Keys::tls13(&server));
    rogue.receiving = Some(Keys::tls13(&client));
    if let Some(middle) = plan.middle.take() {
        middle(rogue)?;
    }
    rogue.say(8, &[0, 0])?;
    let chain: Vec<u8> = plan.chain.iter().flat_map(|der| [&counted(3, der)[..], &[0, 0]].concat()).collect();
    rogue.say(CERTIFICATE, &[&[0][..], &counted(3, &chain)].concat())?;
    let text = b"TLS 1.3, server CertificateVerify\0";
    let signature = plan.sign(&[&[b' '; 64][..], text, &hash(&rogue.transcript)].concat());
    rogue.say(15, &signature)?;
    rogue.say(20, &finished13(&server, &rogue.transcript))?;
    let (client, server) = schedule.application().traffic("ap", &rogue.transcript);
    rogue.sending = Some(Keys::tls13(&server));
    rogue.hear(20)?;
    rogue.receiving = Some(Keys::tls13(&client));
    Ok(())
}

fn hello(session: &[u8], cipher: u16, extensions: &[u8]) -> Vec<u8> {
    [&[3, 3][..], &RANDOM, &counted(1, session), &cipher.to_be_bytes(), &[0], &counted(2, extensions)].concat()
}
