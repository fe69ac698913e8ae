//! Which tasks wait for a connection, and who is to be woken when its inner stream gets on.
//!
//! The halves of a split stream are polled by two tasks. An inner stream remembers one waker for each direction, the last that
//! it was polled with; yet a reader may have to write (what an earlier write left over), and a writer to read.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// What a task does with a connection, or with its inner stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// One who waits.
#[derive(Debug, Default)]
struct Waiter {
    waker: Option<Waker>,
    /// Has polled the inner stream in the other's direction, and waits for that.
    crossed: bool,
}

/// Those who wait for one connection.
#[derive(Debug)]
pub(crate) struct Tasks {
    reader: Waiter,
    writer: Waiter,
    /// The operation that runs.
    running: Direction,
    /// The inner stream has said `Pending` in it.
    waits: bool,
}

impl Tasks {
    pub(crate) fn new() -> Self {
        Self { reader: Waiter::default(), writer: Waiter::default(), running: Direction::Read, waits: false }
    }

    /// An operation begins or goes on, for this task.
    pub(crate) fn enter(&mut self, running: Direction, waker: &Waker) {
        (self.running, self.waits) = (running, false);
        let own = &mut self.of(running).waker;
        match own {
            Some(own) if own.will_wake(waker) => {}
            own => *own = Some(waker.clone()),
        }
    }

    /// The operation that runs is over: nobody waits for it any more.
    pub(crate) fn leave(&mut self) {
        *self.of(self.running) = Waiter::default();
    }

    /// Whether the inner stream will wake somebody.
    pub(crate) fn waits(&self) -> bool {
        self.waits
    }

    /// Wakes all who wait now.
    pub(crate) fn everybody(&self) -> Waker {
        match (&self.reader.waker, &self.writer.waker) {
            (Some(reader), Some(writer)) if !reader.will_wake(writer) => {
                Waker::from(Arc::new(Both(reader.clone(), writer.clone())))
            }
            (Some(one), _) | (None, Some(one)) => one.clone(),
            (None, None) => Waker::noop().clone(),
        }
    }

    /// Polls the inner stream in one direction, within the operation that runs. `poll` may be called twice; the second time
    /// takes the place of the first.
    pub(crate) fn poll<T>(&mut self, towards: Direction, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        let running = self.running;
        let outcome = match &self.of(running).waker {
            Some(own) => poll(&mut Context::from_waker(own)),
            // Used from outside of an operation: nobody waits.
            None => poll(&mut Context::from_waker(Waker::noop())),
        };
        match outcome {
            Poll::Ready(outcome) => {
                // Whom the inner stream would have woken for this may have been forgotten by it now.
                let other = self.of(running.other());
                if (towards != running || std::mem::take(&mut other.crossed))
                    && let Some(waker) = &other.waker
                {
                    waker.wake_by_ref();
                }
                Poll::Ready(outcome)
            }
            Poll::Pending => {
                self.waits = true;
                self.of(running).crossed |= towards != running;
                if self.of(running.other()).waker.is_none() {
                    return Poll::Pending;
                }
                // It remembers the last waker of a direction: that is to be one for both.
                let everybody = self.everybody();
                poll(&mut Context::from_waker(&everybody))
            }
        }
    }

    fn of(&mut self, direction: Direction) -> &mut Waiter {
        match direction {
            Direction::Read => &mut self.reader,
            Direction::Write => &mut self.writer,
        }
    }
}

impl Direction {
    fn other(self) -> Self {
        match self {
            Self::Read => Self::Write,
            Self::Write => Self::Read,
        }
    }
}

/// Two tasks that wait for the same.
struct Both(Waker, Waker);

impl Wake for Both {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.wake_by_ref();
        self.1.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Direction::{Read, Write};
    use super::*;

    /// A task that counts how often it is woken.
    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Task {
        fn woken(&self) -> usize {
            self.0.swap(0, Ordering::SeqCst)
        }
    }

    /// An inner stream as far as wakers go: it remembers the last of each direction.
    #[derive(Default)]
    struct Inner([Option<Waker>; 2]);

    impl Inner {
        fn poll(&mut self, tasks: &mut Tasks, towards: Direction, ready: bool) {
            let slot = &mut self.0[towards as usize];
            let outcome = tasks.poll(towards, |context| {
                *slot = (!ready).then(|| context.waker().clone());
                if ready { Poll::Ready(()) } else { Poll::Pending }
            });
            assert_eq!(outcome.is_ready(), ready);
        }

        fn fire(&mut self, towards: Direction) {
            self.0[towards as usize].take().unwrap().wake();
        }
    }

    fn setting() -> (Tasks, Inner, [Arc<Task>; 2], [Waker; 2]) {
        let both: [Arc<Task>; 2] = Default::default();
        let wakers = both.clone().map(Waker::from);
        (Tasks::new(), Inner::default(), both, wakers)
    }

    #[test]
    fn each_is_woken_for_its_own() {
        let (mut tasks, mut inner, [a, b], [reader, writer]) = setting();
        tasks.enter(Read, &reader);
        inner.poll(&mut tasks, Read, false);
        assert!(tasks.waits());
        inner.fire(Read);
        assert_eq!((a.woken(), b.woken()), (1, 0));
        tasks.enter(Read, &reader);
        inner.poll(&mut tasks, Read, true);
        tasks.leave();
        tasks.enter(Write, &writer);
        assert!(!tasks.waits());
        inner.poll(&mut tasks, Write, false);
        inner.fire(Write);
        assert_eq!((a.woken(), b.woken()), (0, 1), "the reader has what it wanted");
    }

    #[test]
    fn a_reader_that_sends_does_not_take_the_writers_place() {
        let (mut tasks, mut inner, [a, b], [reader, writer]) = setting();
        tasks.enter(Write, &writer);
        inner.poll(&mut tasks, Write, false);
        tasks.enter(Read, &reader);
        inner.poll(&mut tasks, Write, false);
        inner.poll(&mut tasks, Read, false);
        inner.fire(Write);
        assert_eq!((a.woken(), b.woken()), (1, 1));
    }

    #[test]
    fn what_a_reader_has_sent_wakes_the_writer() {
        let (mut tasks, mut inner, [a, b], [reader, writer]) = setting();
        tasks.enter(Write, &writer);
        inner.poll(&mut tasks, Write, false);
        tasks.enter(Read, &reader);
        inner.poll(&mut tasks, Write, true);
        assert_eq!((a.woken(), b.woken()), (0, 1), "the inner stream forgot it");
    }

    #[test]
    fn what_a_reader_has_received_wakes_a_writer_that_wanted_it() {
        let (mut tasks, mut inner, [a, b], [reader, writer]) = setting();
        tasks.enter(Write, &writer);
        inner.poll(&mut tasks, Read, false);
        tasks.enter(Read, &reader);
        inner.poll(&mut tasks, Read, true);
        assert_eq!((a.woken(), b.woken()), (0, 1));
        inner.poll(&mut tasks, Read, true);
        assert_eq!(b.woken(), 0, "once");
    }

    #[test]
    fn one_task_costs_nothing() {
        let (mut tasks, mut inner, [a, _], [one, _]) = setting();
        tasks.enter(Read, &one);
        inner.poll(&mut tasks, Read, false);
        tasks.enter(Write, &one);
        inner.poll(&mut tasks, Write, false);
        assert!(tasks.everybody().will_wake(&one));
        inner.fire(Write);
        assert_eq!(a.woken(), 1);
    }

    #[test]
    fn outside_of_an_operation_nobody_waits() {
        let (mut tasks, mut inner, [a, b], [reader, writer]) = setting();
        for (towards, waker) in [(Read, &reader), (Write, &writer)] {
            tasks.enter(towards, waker);
            inner.poll(&mut tasks, towards, true);
            tasks.leave();
        }
        inner.poll(&mut tasks, Read, false);
        inner.fire(Read);
        tasks.everybody().wake();
        assert_eq!((a.woken(), b.woken()), (0, 0));
    }
}
