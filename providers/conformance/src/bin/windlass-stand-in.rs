//! Stands in for a program of the simulated machine: its name is the first argument, the rest are its own.

fn main() {
    let mut args = std::env::args().skip(1);
    let program = args.next().unwrap_or_default();
    std::process::exit(windlass_simulator::programs::main(&program, args.collect()));
}
