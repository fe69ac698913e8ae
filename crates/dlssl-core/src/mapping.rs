//! What all generations on one mapping share: a mapping is for good, and so is this.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use once_cell::race::OnceRef;

use crate::compat::bio::Method;
use crate::fork;

/// One mapped pair.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// Process that it was mapped in, or that was vouched for.
    process: AtomicU64,
    /// Word with the number of the process that runs; nought in a new child.
    page: &'static AtomicU64,
    /// BIO method of our streams: C has few numbers for them.
    pub(crate) method: OnceRef<'static, Method>,
    /// Code that is not ours has left entries in error queues.
    pub(crate) others_leave_errors: AtomicBool,
}

impl Mapping {
    /// Makes the record of a mapping that was just made in this process.
    pub(crate) fn new() -> &'static Self {
        Box::leak(Box::new(Self {
            process: AtomicU64::new(fork::process()),
            page: fork::page(),
            method: OnceRef::new(),
            others_leave_errors: AtomicBool::new(false),
        }))
    }

    /// Whether it comes from a process that this one was forked from. Two loads; asked on each call that uses it.
    #[inline]
    pub(crate) fn is_inherited(&self) -> bool {
        self.process.load(Ordering::Relaxed) != self.page.load(Ordering::Relaxed)
    }

    /// Takes it for this process's own; whose it was.
    pub(crate) fn adopt(&self) -> fork::Process {
        self.process.swap(fork::process(), Ordering::Relaxed)
    }

    /// Undoes [`adopt`](Self::adopt).
    pub(crate) fn give_back(&self, process: fork::Process) {
        self.process.store(process, Ordering::Relaxed);
    }
}
