//! What is left behind in the simulated project and how nodes leave it; and what is sent to it, judged by others.

mod balancers;
mod judged;
mod nat;
mod preflight;
mod role;
