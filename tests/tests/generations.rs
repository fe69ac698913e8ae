//! Generations: what a reload reports, who stays with the old library and who follows, copies and their bound.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dlssl::{Acceptor, Connector, Isolation, Library, LoadFailure, Loader, Protocol, SessionStore, Slot};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{OTHER_LIB_DIR, PRIVATE_COPIES, library, loader};
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::process::{self, Running, foreign};
use dlssl_tests::talk::{shake, tcp_pair};
use tempfile::TempDir;

fn main() -> ExitCode {
    match process::task().as_deref() {
        Some("copies") => copies(),
        Some("users") => users(),
        Some("wait") => wait_with_a_copy(),
        Some("folder") => return copy_in_a_folder(),
        _ => return run(tests()),
    }
    ExitCode::SUCCESS
}

fn tests() -> Vec<dlssl_tests::harness::Test> {
    let other = std::env::var_os(OTHER_LIB_DIR).is_some_and(|folder| !folder.is_empty());
    let no_other = || format!("{OTHER_LIB_DIR} is not set");
    vec![
        test("a_reload_reports_and_renews", report),
        test("what_is_open_stays_and_followers_follow", follow),
        test("a_follower_takes_the_other_version", follow_to_another).needs_linux().only_if(other, no_other),
        // By itself: a reload of another test would make its contexts forget their sessions.
        test("users_are_counted", || process::by_itself("users")),
        test("equal_content_is_mapped_once", reuse).needs_private_copies(),
        test("a_fresh_copy_is_another_mapping", fresh).needs_private_copies(),
        test("a_replaced_file_is_loaded_beside_the_old", replaced).needs_private_copies(),
        test("an_overwritten_file_is_noticed", overwritten).needs_private_copies(),
        test("choices_that_exclude_each_other", contradictions),
        test("a_copy_that_is_asked_for_is_one_or_an_error", asked_for),
        test("copies_end_in_a_typed_error", || process::by_itself("copies")).needs_private_copies(),
        test("without_proc_a_copy_lies_in_a_private_folder", without_proc)
            .needs_private_copies()
            .only_if(is_root(), || "needs root, to hide /proc".to_owned()),
        test("a_person_can_read_the_map_and_gdb_the_symbols", readable).needs_private_copies().needs("gdb"),
    ]
}

fn connector(library: &Library) -> Connector {
    Connector::builder(library).roots(Pki::shared().authority.roots()).build().unwrap()
}

fn acceptor(library: &Library) -> Acceptor {
    Acceptor::builder(library, Pki::shared().server.identity()).build().unwrap()
}

fn talk(connector: &Connector, acceptor: &Acceptor) -> [Library; 2] {
    let (client, server) = shake(connector, acceptor, NAME, tcp_pair());
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    client.write_all(b"hello").unwrap();
    let mut got = [0; 5];
    server.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"hello");
    [client.library().clone(), server.library().clone()]
}

fn report() {
    let slot = Slot::new(loader());
    let first = slot.reload().unwrap();
    assert!(first.old().is_none() && first.to_string().starts_with("nothing loaded -> "), "{first}");
    let json: serde_json::Value = serde_json::from_str(&first.to_json()).unwrap();
    assert!(json["old"].is_null() && json["new"]["version_text"] == library().version_text(), "{json:#}");

    let second = slot.reload().unwrap();
    let (old, new) = (second.old().unwrap(), second.new_library());
    assert!(old.is_same_generation(first.new_library()) && !old.is_same_generation(new));
    assert!(second.is_same_mapping() && second.reseeded() >= 1, "{second}");
    assert!(second.gained().is_empty() && second.lost().is_empty());
    assert!(second.to_string().contains("mapped once") && second.to_string().contains("seeded anew"), "{second}");
    let json: serde_json::Value = serde_json::from_str(&second.to_json()).unwrap();
    assert_eq!((&json["same_mapping"], &json["reseeded"]), (&true.into(), &second.reseeded().into()));
    assert!(slot.is_current(new) && !slot.is_current(old));
    let (mut a, mut b) = ([0; 32], [0; 32]);
    old.random(&mut a).unwrap();
    new.random(&mut b).unwrap();
    assert_ne!(a, b);
}

fn follow() {
    let slot = Arc::new(Slot::new(loader()));
    let first = slot.current().unwrap();
    let pki = Pki::shared();
    let following = Connector::following_slot(slot.clone()).roots(pki.authority.roots()).build().unwrap();
    let taking = Acceptor::following_slot(slot.clone(), pki.server.identity()).build().unwrap();
    let (staying, serving) = (connector(&first), acceptor(&first));
    let (client, server) = shake(&staying, &serving, NAME, tcp_pair());
    let (mut client, mut server) = (client.unwrap(), server.unwrap());

    let second = slot.reload().unwrap().new_library().clone();
    for (stream, what) in [(&mut client, b"old"), (&mut server, b"too")] {
        stream.write_all(what).unwrap();
    }
    let mut got = [0; 3];
    server.read_exact(&mut got).unwrap();
    client.read_exact(&mut got).unwrap();
    assert!(client.library().is_same_generation(&first));

    for library in talk(&staying, &serving) {
        assert!(library.is_same_generation(&first), "one that stays has moved");
    }
    for library in talk(&following, &taking) {
        assert!(library.is_same_generation(&second), "one that follows has stayed");
    }
    assert!(following.library().is_same_generation(&second));
    // A reload that fails leaves everything as it was.
    // SAFETY: nothing lies there.
    assert!(slot.reload_with(unsafe { Loader::new().directory("/nowhere") }).is_err());
    assert!(talk(&following, &taking)[0].is_same_generation(&second) && slot.is_current(&second));
}

fn follow_to_another() {
    let slot = Arc::new(Slot::new(loader()));
    let pki = Pki::shared();
    let following = Connector::following_slot(slot.clone()).roots(pki.authority.roots()).build().unwrap();
    let serving = acceptor(&slot.current().unwrap());
    let (client, server) = shake(&following, &serving, NAME, tcp_pair());
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    // SAFETY: the test run names this folder as another build of the library.
    let report =
        slot.reload_with(unsafe { Loader::new().directory(std::env::var_os(OTHER_LIB_DIR).unwrap()) }).unwrap();
    let new = report.new_library();
    assert_ne!(new.mapping(), library().mapping(), "{report}");
    // Two of one name need it; wheels name each build apart.
    let alike = new.libcrypto_path().file_name() == library().libcrypto_path().file_name();
    assert_eq!((new.is_private_copy(), report.to_string().contains("private copy")), (alike, alike), "{report}");
    let [near, far] = talk(&following, &serving);
    assert!(near.is_same_generation(new) && !far.is_same_generation(new));
    client.write_all(b"still").unwrap();
    let mut got = [0; 5];
    server.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"still");
}

fn users() {
    let slot = Slot::new(loader());
    let library = slot.current().unwrap();
    let before = library.users();
    let connector = connector(&library);
    assert!(library.users() > before);
    drop(connector);
    assert_eq!(library.users(), before);
    let (client, server) = (self::connector(&library), acceptor(&library));
    talk(&client, &server);
    drop((client, server));
    assert_eq!(library.users(), before, "a context or a connection leaves a user behind");
    // What the program's store gives becomes C's own.
    let stored = Acceptor::builder(&library, Pki::shared().server.identity());
    let stored = stored.max_protocol(Protocol::Tls12).session_tickets(false).session_store(Arc::new(Last::default()));
    let (first, second) = (stored.build().unwrap(), stored.build().unwrap());
    let client = self::connector(&library);
    talk(&client, &first);
    let (client_end, server_end) = shake(&client, &second, NAME, tcp_pair());
    assert!(client_end.unwrap().session_reused() && server_end.unwrap().session_reused());
    drop((stored, client, first, second));
    assert_eq!(library.users(), before, "a session leaves a user behind");
    slot.reload().unwrap();
    assert!(library.users() < before, "the slot has let go");
}

/// Keeps the last session.
#[derive(Default)]
struct Last(Mutex<Option<(Vec<u8>, Vec<u8>)>>);

impl SessionStore for Last {
    fn insert(&self, id: &[u8], session: Vec<u8>, _: Duration) {
        *self.0.lock().unwrap() = Some((id.to_vec(), session));
    }

    fn find(&self, id: &[u8]) -> Option<Vec<u8>> {
        self.0.lock().unwrap().clone().filter(|(last, _)| last == id).map(|(_, session)| session)
    }

    fn remove(&self, _: &[u8]) {}
}

/// Copies the files under test to another place.
fn copied(to: &Path) -> [PathBuf; 2] {
    [library().libssl_path(), library().libcrypto_path()].map(|file| {
        let target = to.join(file.file_name().unwrap());
        std::fs::copy(file, &target).unwrap();
        target
    })
}

fn files([libssl, libcrypto]: &[PathBuf; 2]) -> Loader {
    // SAFETY: copies of the library under test.
    unsafe { Loader::new().files(libssl, libcrypto) }
}

fn reuse() {
    library();
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let [one, two] = [0, 1].map(|at| files(&copied(folders[at].path())).load().unwrap());
    assert_eq!(one.mapping(), two.mapping());
    assert!(!one.is_same_generation(&two));
    assert!(two.explain().to_string().contains("reuse"), "{}", two.explain());
    assert!(two.libssl_path().starts_with(folders[1].path()), "each says which files it stands for");
    talk(&connector(&one), &acceptor(&two));
}

fn fresh() {
    let load = || loader().fresh_copy(true).load().unwrap();
    let (one, two) = (load(), load());
    assert!(one.is_private_copy() && two.is_private_copy() && one.mapping() != two.mapping());
    talk(&connector(&one), &acceptor(&two));
    talk(&connector(library()), &acceptor(&one));
}

/// As a package manager does: a new file is renamed over the old one.
fn replaced() {
    let folder = TempDir::new().unwrap();
    let pair = copied(folder.path());
    let never = Slot::new(files(&pair).isolation(Isolation::Never));
    // Under a name of its own in this process, where it can have one.
    let Ok(first) = never.current() else { return replaced_beside(&pair) };
    for file in &pair {
        replace(file);
    }
    if first.libssl_path() == pair[0] {
        let error = never.reload().unwrap_err();
        assert!(matches!(error.failure(), LoadFailure::Replaced { path } if pair.contains(path)), "{error}");
        assert!(never.is_current(&first));
    }
    replaced_beside(&pair);
}

fn replaced_beside(pair: &[PathBuf; 2]) {
    let slot = Slot::new(files(pair));
    let first = slot.current().unwrap();
    for file in pair {
        replace(file);
    }
    let report = slot.reload().unwrap();
    // Another file, and other content: a mapping of its own, beside the old one.
    assert!(!report.is_same_mapping() && report.new_library().is_private_copy(), "{report}");
    talk(&connector(&first), &acceptor(report.new_library()));
}

/// Puts a file with another content (some bytes after the end of what is used) in the place of one.
fn replace(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes.extend(std::process::id().to_ne_bytes());
    bytes.push(bytes.len() as u8);
    let aside = file.with_extension("aside");
    std::fs::write(&aside, bytes).unwrap();
    std::fs::rename(aside, file).unwrap();
}

/// The careless upgrade. Bytes after the end of what is used are added: to touch the others could end this process.
fn overwritten() {
    let folder = TempDir::new().unwrap();
    let pair = copied(folder.path());
    let append = |file: &Path| {
        std::fs::OpenOptions::new().append(true).open(file).unwrap().write_all(b"more").unwrap();
    };
    let always = files(&pair).isolation(Isolation::Always);
    let first = always.load().unwrap();
    pair.iter().for_each(|file| append(file));
    let second = always.load().unwrap();
    assert_ne!(first.mapping(), second.mapping());
    talk(&connector(&first), &acceptor(&second));
    // As they are, the explanation says what not to do.
    if let Ok(plain) = files(&pair).isolation(Isolation::Never).load() {
        assert!(plain.explain().to_string().contains("overwriting them in place would damage"), "{}", plain.explain());
        pair.iter().for_each(|file| append(file));
        let auto = files(&pair).load().unwrap();
        assert!(auto.is_private_copy(), "{}", auto.explain());
    }
}

fn contradictions() {
    for loader in [
        Loader::new().fresh_copy(true).isolation(Isolation::Never),
        Loader::new().already_loaded().isolation(Isolation::Always),
        Loader::new().already_loaded().fresh_copy(true),
    ] {
        assert_eq!(loader.load().unwrap_err().code(), "contradiction");
    }
}

fn asked_for() {
    for loader in [loader().isolation(Isolation::Always), loader().fresh_copy(true)] {
        match loader.load() {
            Ok(copy) => assert!(PRIVATE_COPIES && copy.is_private_copy(), "{}", copy.explain()),
            Err(error) => assert_eq!((PRIVATE_COPIES, error.code()), (false, "isolation"), "{error}"),
        }
    }
}

/// Takes copies until there can be no more; what is there goes on.
fn copies() {
    let mut all = Vec::new();
    let error = loop {
        match loader().fresh_copy(true).load() {
            Ok(library) => all.push(library),
            Err(error) => break error,
        }
        // Before 3.0 a copy takes few keys or none.
        if all.len() == 170 {
            return talk_with_ends(&all);
        }
    };
    assert!(matches!(error.failure(), LoadFailure::TooManyCopies), "after {}: {error}", all.len());
    assert!(all.len() > 100, "{}", all.len());
    assert!(error.to_string().contains("fresh_copy"), "{error}");
    println!("{} copies", all.len());
    talk_with_ends(&all);
    // Equal content needs no copy.
    loader().load().unwrap();
}

fn talk_with_ends(all: &[Library]) {
    let (first, last) = (all.first().unwrap(), all.last().unwrap());
    talk(&connector(first), &acceptor(last));
    talk(&connector(last), &acceptor(first));
}

fn is_root() -> bool {
    // SAFETY: a plain getter.
    unsafe { libc::geteuid() == 0 }
}

fn without_proc() {
    let temporary = TempDir::new().unwrap();
    process::run(process::for_task("folder").env("TMPDIR", temporary.path()), b"").success();
}

/// Where memory files cannot be named, a folder of our own serves; nothing of it stays behind.
fn copy_in_a_folder() -> ExitCode {
    // The library's own files may be needed as they are; only /proc is hidden, for this process alone.
    // SAFETY: plain system calls with strings that end with NUL; this process has no other thread yet.
    let hidden = unsafe {
        libc::unshare(libc::CLONE_NEWNS) == 0
            && libc::mount(
                std::ptr::null(),
                c"/".as_ptr(),
                std::ptr::null(),
                libc::MS_REC | libc::MS_PRIVATE,
                std::ptr::null(),
            ) == 0
            && libc::mount(c"none".as_ptr(), c"/proc".as_ptr(), c"tmpfs".as_ptr(), 0, std::ptr::null()) == 0
    };
    assert!(hidden, "{}", std::io::Error::last_os_error());
    let library = loader().isolation(Isolation::Always).load().unwrap_or_else(|error| panic!("{error}"));
    let text = library.explain().to_string();
    assert!(library.is_private_copy() && text.contains("a private folder"), "{text}");
    let left: Vec<_> =
        std::fs::read_dir(std::env::temp_dir()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("dlssl-")), "{left:?}");
    talk(&connector(&library), &acceptor(&library));
    ExitCode::SUCCESS
}

fn wait_with_a_copy() {
    let library = loader().isolation(Isolation::Always).load().unwrap();
    println!("{}", library.version_text());
    let _ = std::io::stdin().read(&mut [0]);
}

fn readable() {
    let mut running = Running::start(&mut process::for_task("wait"));
    running.wait_until("the library", |out, _| out.contains('\n'));
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", running.id())).unwrap();
    for half in [library().libssl_path(), library().libcrypto_path()] {
        let name = format!("memfd:dlssl {}", half.file_name().unwrap().to_string_lossy());
        assert!(maps.contains(&name), "{name} in {maps}");
    }
    let mut gdb = foreign("gdb");
    gdb.args([
        "-nx",
        "-batch",
        "-p",
        &running.id().to_string(),
        // For Rust's own, where a thread waits in code without debugging information, C's names are none.
        "-ex",
        "set language c",
        "-ex",
        "info sharedlibrary",
        "-ex",
        "info symbol SSL_CTX_new",
    ]);
    let said = process::run(&mut gdb, b"").success().stdout;
    let own = said.lines().filter(|line| line.contains(&format!("/proc/{}/fd", running.id())));
    assert!(own.filter(|line| line.contains("Yes")).count() >= 2, "{said}");
    assert!(said.contains("SSL_CTX_new in section"), "{said}");
}
