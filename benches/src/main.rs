//! Side-by-side benchmarks.

mod runtime;

fn main() {
    for figure in runtime::run() {
        println!("{:<40} {:>12.2} ns", figure.name, figure.nanoseconds);
    }
}
