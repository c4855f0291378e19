//! Kind as the rest of windlass uses it, over fakes: the real kind with a fake docker, and a fake kind for its failures.

mod failures;
mod lifecycle;
mod machine;
