//! How roots that lie in files reach a context: the machine's own are read once for all contexts of a generation.

use std::ffi::CString;
use std::path::Path;

use dlssl_core::ErrorStack;

use super::build::{Builder, c_string, library_failed};
use crate::config::default_roots;
use crate::config::file_state::state;
use crate::error::{Error, ErrorKind};
use crate::raw::{Certificate, SslContext};

impl Builder<'_> {
    /// Trusts the machine's own roots.
    pub(super) fn default_roots(&self, context: &SslContext) -> Result<(), Error> {
        let found = default_roots(self.library)?;
        if found.certificates().is_empty() {
            let alone = self.settings.roots.sources.len() == 1 && self.settings.verify.crls.is_empty();
            return match found.file() {
                // In a directory, C looks for what it needs when it needs it.
                Some(file) if alone && context.can_share_roots() => self.share(context, file, found.directory()),
                file => self.locations(context, file, found.directory()),
            };
        }
        for der in found.certificates() {
            // As for a folder: what C cannot read is passed over.
            if let Ok(certificate) = Certificate::from_der(self.library, der) {
                context.trust(&certificate).map_err(library_failed("cannot trust a certificate"))?;
            }
        }
        Ok(())
    }

    /// Trusts roots that other contexts may have read already, and these alone: whatever else a context trusts, or takes
    /// into account, is in its own store, which no other has.
    fn share(&self, context: &SslContext, file: &Path, directory: Option<&Path>) -> Result<(), Error> {
        let before = state(Some(file), directory);
        if let Some(before) = before {
            if context.trust_kept(&before) {
                return Ok(());
            }
            let (c_file, c_directory) = (c_path(Some(file))?, c_path(directory)?);
            let read = context
                .read_roots(before.clone(), c_file.as_deref(), c_directory.as_deref())
                .map_err(cannot_be_read)?;
            if context.trust_read(&read) {
                // What was exchanged while it was read is of one state and the other.
                if state(Some(file), directory) == Some(before) {
                    context.keep_roots(read);
                }
                return Ok(());
            }
        }
        self.locations(context, Some(file), directory)
    }

    pub(super) fn locations(
        &self,
        context: &SslContext,
        file: Option<&Path>,
        directory: Option<&Path>,
    ) -> Result<(), Error> {
        let (file, directory) = (c_path(file)?, c_path(directory)?);
        context.trust_locations(file.as_deref(), directory.as_deref()).map_err(cannot_be_read)
    }
}

fn cannot_be_read(queue: ErrorStack) -> Error {
    Error::new(ErrorKind::NoRoots, "the trusted certificates cannot be read").with_queue(queue)
}

fn c_path(path: Option<&Path>) -> Result<Option<CString>, Error> {
    let Some(path) = path else { return Ok(None) };
    let text = path
        .to_str()
        .ok_or_else(|| Error::new(ErrorKind::Configuration, format!("{} is not plain text", path.display())))?;
    c_string("the path", text).map(Some)
}
