//! What both sides can be told about one connection before its handshake.

/// Methods that the settings of one connection have on both sides.
macro_rules! shared_start {
    () => {
        /// Starts on bytes of the peer that were read already.
        pub fn received(mut self, bytes: impl Into<Vec<u8>>) -> Self {
            self.start.received = bytes.into();
            self
        }

        /// Latest time for the handshake and all that follows, for sockets by descriptor; see
        /// [`TlsStream::set_deadline`].
        pub fn deadline(mut self, at: std::time::Instant) -> Self {
            self.start.limits.set_deadline(Some(at));
            self
        }

        /// Time limits for the handshake and for each kind of operation after it.
        pub fn timeouts(mut self, timeouts: $crate::Timeouts) -> Self {
            self.start.limits.set_timeouts(timeouts);
            self
        }

        /// Size in bytes of the buffer that our BIO reads ahead into: 512 to 1,048,576; 4,096 unless told otherwise. What
        /// is wanted beyond it goes straight to the library. A larger one takes more records with one system call, and
        /// copies each once more.
        pub fn read_ahead(mut self, bytes: usize) -> Self {
            self.start.read_ahead = bytes;
            self
        }

        /// Most bytes of plain text that one `write` takes, which makes one record: 512 to 16,384; 16,384 unless told
        /// otherwise. The peer can use a small record before a large one has arrived whole.
        #[doc(alias = "SSL_set_max_send_fragment")]
        pub fn record_size(mut self, bytes: usize) -> Self {
            self.start.record_size = bytes;
            self
        }
    };
}
pub(super) use shared_start;
