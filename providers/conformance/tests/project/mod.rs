//! What is sent to the simulated project, judged by others.

mod judged;
