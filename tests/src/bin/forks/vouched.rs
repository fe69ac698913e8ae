//! A parent without other threads that used the library: its children vouch, and all that it made works for them.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};

use dlssl_tests::forked::{Child, Said, Way, spawn};
use dlssl_tests::resumption::{KINDS, Session, one};
use dlssl_tests::talk::pattern;

use super::talk::{BLOCK, acceptor, connector, draw, echo, pair};

const CHILDREN: usize = 6;

pub(super) fn run() {
    let library = dlssl::current().expect("a library");
    let (connector, acceptor) = (connector(), acceptor());
    echo(&connector, &acceptor).expect("the parent talks");
    // A process that was not forked has nothing to vouch for.
    // SAFETY: this is no child.
    assert_eq!(unsafe { dlssl::vouch_for_fork() }.expect("nothing to do"), 0);
    let mut blocks = vec![draw(&library).expect("a draw")];
    // A connection for each child, made before: it goes over to it.
    let children: Vec<Child> = (0..CHILDREN)
        .map(|number| {
            let (mut client, mut server) = pair(&connector, &acceptor).expect("a connection");
            spawn(Way::Fork, || -> Said {
                if !library.is_inherited() {
                    return Err("not inherited before it was vouched for".into());
                }
                let before = dlssl::renewals();
                // SAFETY: the parent's main thread is inside no call, and its others have ended.
                let taken = unsafe { dlssl::vouch_for_fork() }.map_err(|e| e.to_string())?;
                if taken != 1 || library.is_inherited() || !library.is_current() || dlssl::renewals() == before {
                    return Err(format!("{taken} taken; inherited: {}", library.is_inherited()));
                }
                let first = draw(&library)?;
                let bytes = pattern(5000, 1 + number as u64);
                let mut got = vec![0; bytes.len()];
                client.write_all(&bytes).map_err(|e| e.to_string())?;
                server.read_exact(&mut got).map_err(|e| e.to_string())?;
                if got != bytes {
                    return Err("the connection that was taken over changes bytes".into());
                }
                // On threads, which begin only now.
                echo(&connector, &acceptor)?;
                if connector.library().mapping() != library.mapping() {
                    return Err("not on the library that was taken over".into());
                }
                // SAFETY: as above; there is nothing left to take.
                if unsafe { dlssl::vouch_for_fork() }.map_err(|e| e.to_string())? != 0 {
                    return Err("taken twice".into());
                }
                let loaded = dlssl_tests::library::loader().load().map_err(|e| e.to_string())?;
                if loaded.mapping() != library.mapping() {
                    return Err(format!("a second copy: {}", loaded.explain()));
                }
                Ok([first, draw(&library)?].concat())
            })
        })
        .collect();
    blocks.push(draw(&library).expect("a draw"));
    for child in children {
        let said = child.finish().expect("a child");
        blocks.extend(said.chunks(BLOCK).map(<[u8]>::to_vec));
    }
    blocks.push(draw(&library).expect("a draw"));
    assert_eq!(blocks.len(), 3 + 2 * CHILDREN);
    let different: HashSet<&Vec<u8>> = blocks.iter().collect();
    assert_eq!(different.len(), blocks.len(), "two draws are equal");
    echo(&connector, &acceptor).expect("the parent talks on");
}

/// What a parent remembers of its clients is no business of its children's.
pub(super) fn sessions() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
    let acceptor = acceptor();
    for kind in KINDS {
        let session = Session::new(kind);
        assert!(!one(&acceptor, &listener, &session.save()), "{kind:?}: the first one");
        assert!(one(&acceptor, &listener, &session.bring()), "{kind:?}: this tests nothing");
        let child = spawn(Way::Fork, || {
            // SAFETY: the parent's other threads have ended.
            unsafe { dlssl::vouch_for_fork() }.map_err(|e| e.to_string())?;
            assert!(!one(&acceptor, &listener, &session.bring()), "{kind:?}: the parent's session");
            // Its own serve.
            assert!(!one(&acceptor, &listener, &session.save()), "{kind:?}: a new one");
            assert!(one(&acceptor, &listener, &session.bring()), "{kind:?}: the child's own");
            Ok(Vec::new())
        });
        child.finish().expect("the child");
        assert!(!one(&acceptor, &listener, &session.bring()), "{kind:?}: the child's session");
    }
}
