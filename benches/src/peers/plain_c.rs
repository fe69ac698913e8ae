//! The C functions as a C program calls them: `SSL_set_fd` on sockets, `BIO_s_mem` in memory.

use std::error::Error;
use std::ffi::{CString, c_int};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use openssl_sys as ffi;

use crate::peer::{Local, Peer, Step, Stream, drive};
use crate::pki::{NAME, Pki};
use crate::transport::Socket;

// What `openssl-sys` leaves out.
unsafe extern "C" {
    fn SSL_set_fd(ssl: *mut ffi::SSL, descriptor: c_int) -> c_int;
    fn BIO_up_ref(bio: *mut ffi::BIO) -> c_int;
}

/// The last session that the client got.
static SESSION: AtomicPtr<ffi::SSL_SESSION> = AtomicPtr::new(ptr::null_mut());

/// Contexts of both sides.
pub struct PlainC {
    client: *mut ffi::SSL_CTX,
    server: *mut ffi::SSL_CTX,
}

// SAFETY: OpenSSL's contexts may be shared once they are set up.
unsafe impl Sync for PlainC {}

unsafe extern "C" fn keep(_: *mut ffi::SSL, session: *mut ffi::SSL_SESSION) -> c_int {
    let old = SESSION.swap(session, Ordering::AcqRel);
    // SAFETY: null, or the reference that an earlier call kept.
    unsafe { ffi::SSL_SESSION_free(old) };
    // The reference is ours now.
    1
}

impl PlainC {
    /// Builds the contexts.
    pub fn new(pki: &Pki) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let file = |name: &str, text: &str| -> Result<CString, Box<dyn Error>> {
            let path = folder.path().join(name);
            std::fs::write(&path, text)?;
            Ok(CString::new(path.to_str().ok_or("a folder with a strange name")?)?)
        };
        let (root, leaf, key) =
            (file("root", &pki.root_pem)?, file("leaf", &pki.leaf_pem)?, file("key", &pki.key_pem)?);
        openssl::init();
        // SAFETY: new contexts, set up before they are shared; the strings live through the calls.
        unsafe {
            let client = ffi::SSL_CTX_new(ffi::TLS_client_method());
            let server = ffi::SSL_CTX_new(ffi::TLS_server_method());
            let id = b"bench-c";
            let all = ffi::SSL_CTX_load_verify_locations(client, root.as_ptr(), ptr::null()) == 1
                && ffi::SSL_CTX_use_certificate_chain_file(server, leaf.as_ptr()) == 1
                && ffi::SSL_CTX_use_PrivateKey_file(server, key.as_ptr(), ffi::SSL_FILETYPE_PEM) == 1
                && ffi::SSL_CTX_set_session_id_context(server, id.as_ptr(), id.len() as _) == 1;
            if !all {
                return Err("the C contexts cannot be built".into());
            }
            for context in [client, server] {
                // As dlssl does by itself.
                ffi::SSL_CTX_set_min_proto_version(context, ffi::TLS1_2_VERSION);
            }
            ffi::SSL_CTX_set_verify(client, ffi::SSL_VERIFY_PEER, None);
            let mode = ffi::SSL_SESS_CACHE_CLIENT | ffi::SSL_SESS_CACHE_NO_INTERNAL;
            ffi::SSL_CTX_ctrl(client, ffi::SSL_CTRL_SET_SESS_CACHE_MODE, mode, ptr::null_mut());
            ffi::SSL_CTX_sess_set_new_cb(client, Some(keep));
            Ok(PlainC { client, server })
        }
    }

    fn ask(&self, resume: bool) -> CStream {
        // SAFETY: a new connection of a live context; the name is copied.
        unsafe {
            let ssl = ffi::SSL_new(self.client);
            let name = CString::new(NAME).expect("no NUL");
            // SSL_CTRL_SET_TLSEXT_HOSTNAME
            ffi::SSL_ctrl(ssl, 55, 0, name.as_ptr().cast_mut().cast());
            ffi::X509_VERIFY_PARAM_set1_host(ffi::SSL_get0_param(ssl), name.as_ptr(), NAME.len());
            if resume {
                let session = SESSION.swap(ptr::null_mut(), Ordering::AcqRel);
                if !session.is_null() {
                    ffi::SSL_set_session(ssl, session);
                    ffi::SSL_SESSION_free(session);
                }
            }
            ffi::SSL_set_connect_state(ssl);
            CStream { ssl, socket: None }
        }
    }

    fn answer(&self) -> CStream {
        // SAFETY: as above.
        unsafe {
            let ssl = ffi::SSL_new(self.server);
            ffi::SSL_set_accept_state(ssl);
            CStream { ssl, socket: None }
        }
    }
}

/// One end.
struct CStream {
    ssl: *mut ffi::SSL,
    socket: Option<Socket>,
}

// SAFETY: a connection has no ties to a thread; one thread uses it at a time.
unsafe impl Send for CStream {}

impl CStream {
    fn on(mut self, socket: Socket) -> Self {
        // SAFETY: a live connection; the socket stays open as long as it.
        unsafe { SSL_set_fd(self.ssl, socket.as_raw_fd()) };
        self.socket = Some(socket);
        self
    }

    fn handshake(self) -> Step<CStream> {
        // SAFETY: a live connection.
        let result = unsafe { ffi::SSL_do_handshake(self.ssl) };
        match self.judge(result) {
            Ok(_) => Step::Done(self),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Step::Later(Box::new(move || self.handshake())),
            Err(error) => panic!("C: {error}"),
        }
    }

    fn judge(&self, result: c_int) -> io::Result<usize> {
        if result > 0 {
            return Ok(result as usize);
        }
        // SAFETY: a live connection, right after the call that gave `result`.
        match unsafe { ffi::SSL_get_error(self.ssl, result) } {
            ffi::SSL_ERROR_WANT_READ | ffi::SSL_ERROR_WANT_WRITE => Err(ErrorKind::WouldBlock.into()),
            ffi::SSL_ERROR_ZERO_RETURN => Ok(0),
            code => Err(io::Error::other(format!("{code}: {}", openssl::error::ErrorStack::get()))),
        }
    }
}

impl Drop for CStream {
    fn drop(&mut self) {
        // SAFETY: owned, freed once.
        unsafe { ffi::SSL_free(self.ssl) };
    }
}

impl Read for CStream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // SAFETY: a live connection and buffer.
        let result = unsafe { ffi::SSL_read(self.ssl, out.as_mut_ptr().cast(), out.len() as c_int) };
        self.judge(result)
    }
}

impl Write for CStream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        // SAFETY: as above.
        let result = unsafe { ffi::SSL_write(self.ssl, data.as_ptr().cast(), data.len() as c_int) };
        self.judge(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for CStream {
    fn resumed(&self) -> bool {
        // SAFETY: a live connection.
        unsafe { ffi::SSL_session_reused(self.ssl) == 1 }
    }

    fn close(&mut self) {
        // SAFETY: as above.
        unsafe { ffi::SSL_shutdown(self.ssl) };
    }
}

impl Peer for PlainC {
    fn name(&self) -> &str {
        "C"
    }

    fn in_memory(&self, resume: bool) -> Option<Local> {
        let (client, server) = (self.ask(resume), self.answer());
        // SAFETY: two new BIOs, one for each direction; each connection becomes the owner of one reference to both.
        unsafe {
            let (a, b) = (ffi::BIO_new(ffi::BIO_s_mem()), ffi::BIO_new(ffi::BIO_s_mem()));
            BIO_up_ref(a);
            BIO_up_ref(b);
            ffi::SSL_set_bio(client.ssl, a, b);
            ffi::SSL_set_bio(server.ssl, b, a);
        }
        let (client, server) = drive(client.handshake(), server.handshake());
        Some((Box::new(client), Box::new(server)))
    }

    fn client(&self, socket: Socket, resume: bool) -> Step<Box<dyn Stream + Send>> {
        self.ask(resume).on(socket).handshake().map(|stream| Box::new(stream) as Box<dyn Stream + Send>)
    }

    fn server(&self, socket: Socket) -> Step<Box<dyn Stream + Send>> {
        self.answer().on(socket).handshake().map(|stream| Box::new(stream) as Box<dyn Stream + Send>)
    }
}
