//! What a server's function says about the application protocols that a client offers.

/// What a server does about the application protocols that a client offers; see
/// [`alpn_with`](crate::AcceptorBuilder::alpn_with).
///
/// # Examples
/// ```
/// use dlssl::AlpnAnswer;
///
/// let choose = |offered: &[&'static [u8]]| -> AlpnAnswer<'static> {
///     offered.iter().copied().find(|protocol| *protocol == b"h2").into()
/// };
/// assert_eq!(choose(&[b"http/1.1", b"h2"]), AlpnAnswer::Protocol(b"h2"));
/// assert_eq!(choose(&[b"http/1.1"]), AlpnAnswer::Refuse);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlpnAnswer<'a> {
    /// This one, which must be among those that were offered.
    Protocol(&'a [u8]),
    /// None: goes on as with a client that offers none. RFC 7301 has servers refuse instead.
    Nothing,
    /// Ends the handshake, with the alert `no_application_protocol`.
    Refuse,
}

/// `None` refuses.
impl<'a> From<Option<&'a [u8]>> for AlpnAnswer<'a> {
    fn from(chosen: Option<&'a [u8]>) -> Self {
        chosen.map_or(Self::Refuse, Self::Protocol)
    }
}
