//! Scripts for proptest: what an inner stream says, call by call.

use proptest::prelude::*;

use crate::wire::{Script, Step};

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Pass),
        2 => (1..30_usize).prop_map(Step::Short),
        1 => (1..9000_usize).prop_map(Step::Short),
        2 => Just(Step::WouldBlock),
        1 => Just(Step::Interrupted),
    ]
}

/// A list of steps, with one fault somewhere in it when asked for.
fn steps(most: usize, fault: Option<BoxedStrategy<Step>>) -> BoxedStrategy<Vec<Step>> {
    let plain = prop::collection::vec(step(), 0..most);
    let Some(fault) = fault else { return plain.boxed() };
    (plain, fault, any::<prop::sample::Index>(), prop::bool::weighted(0.4))
        .prop_map(|(mut steps, fault, at, there)| {
            if there {
                let at = at.index(steps.len() + 1);
                steps.insert(at, fault);
            }
            steps
        })
        .boxed()
}

/// What one end of a connection meets. With a number, a read, a write and a flush may each have the fault of one of the next three
/// numbers.
pub fn of(number: Option<u32>, fault: impl Fn(u32) -> BoxedStrategy<Step>) -> impl Strategy<Value = Script> {
    let of = |more: u32| number.map(|number| fault(number + more));
    // A flush cannot come to nothing.
    let flushes = steps(8, of(3)).prop_map(|steps| steps.into_iter().filter(|step| *step != Step::Nothing).collect());
    (steps(60, of(1)), steps(60, of(2)), flushes, any::<bool>()).prop_map(|(reads, writes, flushes, vectored)| Script {
        reads,
        writes,
        flushes,
        vectored,
    })
}
