//! One in-memory Kubernetes API server, as close to the real one as a client can tell.
//!
//! It does what kube-apiserver, the garbage collector and the namespace controller do. It runs no other controller, opens no
//! socket, writes no file and knows nothing of windlass: requests come in through [`ApiServer::handle`], every change goes out
//! through [`Sink`] and [`ApiServer::subscribe`].

mod server;
mod status;
mod store;

pub use server::{ApiServer, Now, Settings, Sink};
pub use status::{Cause, Status};
pub use store::{Change, ChangeKind, Key, Record};
