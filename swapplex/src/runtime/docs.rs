//! The barrier: what it is, why it is sound, what it costs, and where it ends.
//!
//! # The problem
//!
//! State of its own for each worker thread is the cheapest there is: no lock that anybody contends for, no cache line
//! that moves between cores. But a task can't hold on to it. `LocalKey::with` lends a reference for the time of a closure,
//! and a closure can't await. A raw pointer could be held, and would dangle: a task may be awaiting when the
//! runtime ends, its future may be moved out and polled elsewhere, and Rust destroys a thread's data when that thread
//! ends, whoever still looks at them.
//!
//! Sharing through an [`Arc`](std::sync::Arc) is the usual way out, and its price is the counter: two threads that clone
//! and drop one `Arc` pass its cache line back and forth, tens of nanoseconds each time.
//!
//! # The idea
//!
//! The threads of a runtime all end at about the same time, and its tasks are gone by then. So it is enough to destroy the
//! data that they handed out when *all* of them have arrived at their end, and let nobody count references before that but
//! for the exceptions: those that leave the runtime. Nobody waits at this barrier. Each thread notes its arrival and
//! goes, and whoever comes last destroys: usually the one that drops the [`Runtime`](super::Runtime), after Tokio has
//! joined the threads; sometimes a thread that was stuck in a blocking call; sometimes a reference that escaped.
//!
//! # What is counted
//!
//! Each runtime has one atomic total. The runtime itself and every thread that takes part own one *unit* of it, 2⁴⁰. A
//! thread takes part from Tokio's start hook to its stop hook, or while it is in [`Runtime::block_on`]; a thread that
//! merely enters the runtime's handle, or calls the handle's `block_on`, does not.
//!
//! - A thread that takes part counts the references that it makes and drops in a plain cell of its own, and adds that sum to
//!   the total when it leaves (and now and then before, so that it stays small). The sum may be negative: a
//!   reference made here may be dropped there.
//! - Any other thread counts in the total.
//! - The first reference to a datum puts a clone of the `Arc` that the datum lies in into the runtime's registry.
//! - Whoever brings the total to zero empties the registry.
//!
//! # Why a reference is always valid
//!
//! The invariant, at every moment and for any interleaving:
//!
//! ```text
//! total = Σ over participants (UNIT − its own sum) + references alive
//! ```
//!
//! Each event keeps it. Joining and leaving add and remove one bracket on both sides, and leaving adds the own sum as it
//! forgets it. A reference made or dropped by a participant changes its own sum and the number of references alive by
//! the same amount, so the right side stays, as does the total. One made or dropped by anybody else changes both sides by
//! one.
//!
//! Own sums stay far below a unit, so each bracket is positive, and references can't be fewer than none. While there is a
//! participant or a reference, the total is therefore positive. Zero means that there is neither. And zero is final: a
//! reference is made by a participant or from a reference, and there are none; a thread joins by a compare-and-swap that
//! refuses zero, so a thread that starts late finds the barrier closed and counts as any other.
//!
//! So the registry is emptied once, after the last reference to anything in it is gone. What every thread did with the data
//! is visible to the one who destroys them: giving up a unit or a reference is a release, reaching zero an
//! acquire, and all changes of the total are read-modify-writes, which pass the releases on.
//!
//! Nothing in this depends on where a task runs, whether a future was moved, which kind of thread this is, or whether the
//! runtime still exists. There is no check at dereference, because there is nothing to check: the reference is counted. And
//! nothing is guessed about which threads are workers; what [`worker_index`](tokio::runtime::worker_index) says chooses
//! how a datum is kept, never whether.
//!
//! `runtime/count.rs` holds the counting, with loom models that explore every interleaving of three threads and a late
//! one, and that fail when a release, an acquire or the finality of zero is taken away. `runtime/raw.rs` holds all `unsafe`
//! code of this crate, and the argument in detail.
//!
//! # How a datum is kept
//!
//! | first handed out | kept by | a reference costs |
//! |---|---|---|
//! | on a worker of a runtime of ours | the barrier, to the runtime's end | 2 ns on the runtime's threads, an atomic elsewhere |
//! | on a worker of another runtime | the process, for ever (feature `leaky-context`, on by default) | nothing |
//! | on a worker of another runtime, without that feature | its references | as an `Arc` |
//! | on a blocking thread, or one of your own | its references | as an `Arc` |
//!
//! Threads of the last kind come and go, and so do their data. With the same thought the first two rows have limits beyond
//! which references are counted one by one: when 64 threads have left data behind before the runtime's end (`block_in_place`
//! makes another thread the worker each time), and for contexts made by the thousand.
//!
//! A worker of the current-thread runtime is the thread in `block_on`; on a multi-thread runtime the thread in
//! `block_on` is none, though it takes part.
//!
//! # What it costs
//!
//! Measured on a 2-core machine by the benchmarks `runtime.*`:
//!
//! | | this | for comparison |
//! |---|---|---|
//! | dereference | 0.5 ns | 0.5 ns: a plain thread-local |
//! | make, use and drop on a worker | 1.9 ns | 3.7 ns: an `Arc` that nobody else uses |
//! | clone, use and drop, two threads on one datum | 2.1 ns | 28 ns: an `Arc` |
//! | start, 8 tasks, stop, with one worker | 91 µs | 90 µs: Tokio's runtime |
//!
//! # When to use it
//!
//! For state per worker that tasks use across an `.await`, or that is read from outside: counters, histograms, buffer pools,
//! caches. Not where a value per task would do, nor for what all must see: references say *whose* value they refer to,
//! and a task that moves between workers goes on with the one that it took.
//!
//! A datum is shared as soon as it is handed out, so `T: Send + Sync`, and changes go through atomics or locks. These are
//! cheap because they are rarely contended, not because they are absent.
//!
//! # Limits
//!
//! - One reference that escapes keeps *all* worker data of its runtime, since they are counted together.
//! - A reference stored in worker data is a cycle, and leaks, as with `Arc`.
//! - A reference that is forgotten keeps its runtime's data for ever.
//! - The data of a thread that never ends, and all others of that runtime, stay: after a bounded shutdown
//!   ([`Runtime::shutdown_timeout`]) until the thread that was left behind ends.
//! - A destructor runs on whichever thread comes last, not on the one that made the datum, and not before the runtime ends
//!   even if its thread ended long ago. Its panic is caught there, after the panic hook has reported it.
//! - Other thread-locals follow Rust's rules: only what is in a [`Context`](super::Context) and was handed out is kept.
//! - The end of the process waits for nobody: what `std::process::exit` cuts off is not destroyed.
//!
//! # In this crate
//!
//! Outboxes and connections are owned by `Arc`: their safety doesn't depend on which runtime is used. The graceful end is
//! what they take from here.
//!
//! References were considered for what each request does on its thread, and left out. `cargo xtask bench -- runtime.state
//! runtime.tickets`, on a 2-core machine that others were using at the time, the time of one operation:
//!
//! | | with references | as it is |
//! |---|---|---|
//! | a worker's mutable state: `local_ref` and a `Mutex`, or a thread-local `RefCell` | 4.6 ns | 1.1 ns |
//! | a handle to an outbox, made and dropped on one worker: a `LocalRef`, or an `Arc` | 1.5 ns | 3.9 ns |
//! | the same on two workers, which drop each other's as often as their own | 2.8 ns | 4 to 17 ns |
//!
//! The first is what finds the live connection and the open outbox, and needs `&mut`: what can be referred to from anywhere
//! must lie behind a lock, and an uncontended one costs more than the whole way through a `RefCell`. Nothing is held
//! across an `.await` there, so a reference would buy nothing for that. Handles would save a request 2 to 3 ns, or
//! somewhat more where tasks have moved to another worker, of the 900 ns of CPU time that a batched `get` took in a
//! short run of `get.spawned.512` there. But an outbox lives for one batch, and what a barrier keeps stays to the
//! runtime's end and is limited in number; under another runtime, outboxes would stay for ever or be counted after all.
//! So both remain as they are.
//!
//! [`Runtime::block_on`]: super::Runtime::block_on
//! [`Runtime::shutdown_timeout`]: super::Runtime::shutdown_timeout
