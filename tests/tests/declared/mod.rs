//! Declarations that must compile, and say what they declare. Those that must not are `ui`'s: without these, its compiler
//! only checks, and builds no dependency again.
#![expect(
    dead_code,
    unreachable_pub,
    reason = "as an application has them, and most is there to be compiled"
)]

mod full_entity;
mod short_entity;
mod two_entities;
