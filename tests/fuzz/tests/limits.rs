//! The limits themselves: a fuzzer that sees nothing finds nothing. Memory is counted for the whole process, so this
//! is a process of its own.

use sphere_pow_fuzz::{MOST_BYTES, MOST_SECONDS, run, thread_seconds, within};
use std::hint::black_box;
use std::panic::catch_unwind;

#[test]
fn what_breaks_a_promise_is_seen() {
    assert_eq!(within("nothing", || 7), 7);
    assert!(catch_unwind(|| within("memory", || black_box(vec![1_u8; MOST_BYTES + 1]).len())).is_err());
    let until = thread_seconds() + 1.1 * MOST_SECONDS;
    let spin = || while thread_seconds() < until {};
    assert!(catch_unwind(|| within("time", spin)).is_err());
    assert!(catch_unwind(|| run(("panics", |bytes| assert!(bytes.is_empty())), b"x")).is_err());
}
