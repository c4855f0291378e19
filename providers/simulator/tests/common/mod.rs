//! A server for tests: its clock stands, and what it records goes where the test wants it, or nowhere.

use jiff::Timestamp;
use std::sync::Arc;
use windlass_simulator::kube::{ApiServer, Now, Record, Settings, Sink};

struct Clock;

impl Now for Clock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_780_000_000).expect("a second of this century")
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn record(&self, _: &Record) {}
}

/// Returns a server; without a token, everyone is its admin.
pub(crate) fn server(token: Option<&str>, sink: Option<Arc<dyn Sink>>) -> Arc<ApiServer> {
    ApiServer::new(Settings {
        git_version: "v1.36.2".to_owned(),
        now: Arc::new(Clock),
        sink: sink.unwrap_or_else(|| Arc::new(Nowhere)),
        token: token.map(str::to_owned),
    })
}
