//! Destroying a cluster whose objects hold something in clouds: what its receipt says is held against what the simulated clouds
//! still have, whatever stands in the way.

mod cut;
mod furniture;
mod receipt;
mod table;
mod uninstall;
mod whole;
mod world;
