//! One in-memory Kubernetes API server, as close to the real one as a client can tell.
//!
//! It does what kube-apiserver, the garbage collector and the namespace controller do. It runs no other controller, opens no
//! socket, writes no file and knows nothing of windlass: requests come in through [`ApiServer::handle`], every change goes out
//! through [`Sink`] and [`ApiServer::subscribe`].

mod apply;
mod auth;
mod collector;
mod controllers;
mod convert;
mod decode;
mod defaults;
mod delete;
mod discovery;
mod fields;
mod http;
mod kinds;
mod list;
mod managed;
mod openapi;
mod parts;
mod patch;
mod protobuf;
mod quota;
mod request;
mod respond;
mod reviews;
mod route;
mod schema;
mod selector;
mod server;
mod state;
mod status;
mod store;
mod strategy;
mod table;
mod validate;
mod watch;
mod webhooks;
mod write;

pub use server::{ApiServer, Now, Settings, Sink};
pub use status::Status;
pub use store::{Change, ChangeKind, Key, Record};
