//! Destroying a cluster whose objects hold something in clouds: what its receipt says is held against what the simulated clouds
//! still have, whatever stands in the way.

mod furniture;
mod receipt;
mod whole;
mod world;
