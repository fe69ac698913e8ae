//! A server's certificates: which one a client gets, by the name that it asks for, and by replacement.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dlssl_core::Library;

use super::build;
use super::settings::Settings;
use crate::config::Identity;
use crate::config::functions::{Function, ServerNameFunction};
use crate::error::Error;
use crate::raw::SslContext;

/// Contexts that are kept for identities that the program's function gave.
const MOST_MADE: usize = 256;

/// How to build one more context like the first, with another certificate.
pub(crate) struct Recipe {
    pub(crate) library: Library,
    pub(crate) settings: Settings,
    /// Name of the application in sessions, which all of a server's contexts share.
    pub(crate) id_context: Vec<u8>,
}

impl Recipe {
    fn build(&self, identity: &Identity) -> Result<Arc<SslContext>, Error> {
        build::one(&self.library, &self.settings, Some(identity), &self.id_context).map(Arc::new)
    }
}

/// The certificates of a server beside the one that its context was built with.
pub(crate) struct Identities {
    pub(crate) recipe: Recipe,
    by_name: Vec<(String, Arc<SslContext>)>,
    function: Option<Function<ServerNameFunction>>,
    made: Mutex<Vec<(Identity, Arc<SslContext>)>>,
    replaced: Mutex<Option<Arc<SslContext>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Identities {
    pub(crate) fn new(recipe: Recipe) -> Result<Self, Error> {
        let names = &recipe.settings.server_names;
        let by_name = names
            .iter()
            .map(|(name, identity)| Ok((name.clone(), recipe.build(identity)?)))
            .collect::<Result<_, Error>>()?;
        let function = recipe.settings.functions.server_name.clone();
        Ok(Self { recipe, by_name, function, made: Mutex::default(), replaced: Mutex::default() })
    }

    /// The context that took the first one's place.
    pub(crate) fn replaced(&self) -> Option<Arc<SslContext>> {
        lock(&self.replaced).clone()
    }

    /// Takes another identity in the place of the first, for connections that begin from now on.
    pub(crate) fn replace(&self, identity: &Identity) -> Result<(), Error> {
        let context = self.recipe.build(identity)?;
        self.recipe.settings.replacement.set(identity.clone());
        *lock(&self.replaced) = Some(context);
        Ok(())
    }

    /// The context for a name; `None` for the first one.
    pub(crate) fn select(&self, name: &str) -> Result<Option<Arc<SslContext>>, Error> {
        let name = name.to_ascii_lowercase();
        if let Some(identity) = self.function.as_ref().and_then(|function| (function.0)(&name)) {
            return self.made(&identity).map(Some);
        }
        let find = |wanted: &str| self.by_name.iter().find(|(pattern, _)| pattern == wanted);
        let found = find(&name).or_else(|| find(&format!("*.{}", name.split_once('.')?.1)));
        Ok(found.map(|(_, context)| Arc::clone(context)))
    }

    /// The context of an identity that the function gave, built on first sight.
    pub(crate) fn made(&self, identity: &Identity) -> Result<Arc<SslContext>, Error> {
        if let Some((_, context)) = lock(&self.made).iter().find(|(known, _)| known.is_clone_of(identity)) {
            return Ok(Arc::clone(context));
        }
        // Not under the lock: reading keys takes its time, and may call the program for a password.
        let context = self.recipe.build(identity)?;
        let mut made = lock(&self.made);
        if made.len() >= MOST_MADE {
            made.remove(0);
        }
        made.push((identity.clone(), Arc::clone(&context)));
        Ok(context)
    }
}
