//! The client behind a cluster: exchanged for one with a fresh credential when the API no longer takes the old one. What its answers
//! tell besides is kept here: since when there are none, and what the API's clock shows.

use std::sync::{
    PoisonError, RwLock,
    atomic::{AtomicI64, Ordering},
};

use futures::future::BoxFuture;
use http::{HeaderMap, header::DATE};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimeParser};
use kube::Client;
use tokio::sync::watch;
use windlass_provider::{Ctx, Kubeconfig, Result};

use super::{Cluster, client};

/// Asks for a fresh credential.
type Renew = Box<dyn Fn(Ctx) -> BoxFuture<'static, Result<Kubeconfig>> + Send + Sync>;

/// A client and where it comes from.
pub(super) struct Link {
    current: RwLock<Current>,
    renew: Option<Renew>,
    /// Held by the one of many requests that renews for all.
    turn: tokio::sync::Mutex<()>,
    /// Since when nothing has been answered, while that is so.
    silent: watch::Sender<Option<Timestamp>>,
    /// By how many seconds the API's clock is ahead of this machine's.
    ahead: AtomicI64,
}

/// The client of the moment; each has a number of its own.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) client: Client,
    number: u32,
}

impl Link {
    pub(super) fn new(client: Client, renew: Option<Renew>) -> Self {
        Self {
            current: RwLock::new(Current { client, number: 0 }),
            renew,
            turn: tokio::sync::Mutex::default(),
            silent: watch::Sender::default(),
            ahead: AtomicI64::new(0),
        }
    }

    pub(super) fn current(&self) -> Current {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that a request was answered, be it with a refusal.
    pub(super) fn note_answer(&self) {
        self.silent.send_if_modified(|since| since.take().is_some());
    }

    /// Notes what the API's clock showed when it answered a request that was on its way from `sent` to `now`, by the clock of this
    /// machine: a `Date` outside of that is another clock's (RFC 9110, section 6.6.1).
    pub(super) fn note_time(&self, headers: &HeaderMap, sent: Timestamp, now: Timestamp) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
        let Some(date) = date.map(Timestamp::as_second) else {
            return;
        };
        // It has whole seconds, rounded down.
        let ahead = date - date.clamp(sent.as_second(), now.as_second());
        self.ahead.store(ahead, Ordering::Relaxed);
    }

    /// Returns how far the API's clock is ahead of this machine's; negative: behind.
    pub(super) fn ahead(&self) -> SignedDuration {
        SignedDuration::from_secs(self.ahead.load(Ordering::Relaxed))
    }

    /// Notes that a request was not answered.
    pub(super) fn note_silence(&self, now: Timestamp) {
        self.silent.send_if_modified(|since| {
            let begins = since.is_none();
            since.get_or_insert(now);
            begins
        });
    }

    /// Returns where to see since when nothing has been answered.
    pub(super) fn silence(&self) -> watch::Receiver<Option<Timestamp>> {
        self.silent.subscribe()
    }

    /// Exchanges the client that was `refused` for one with a fresh credential, unless another request has done so meanwhile.
    /// Returns whether there is another one now.
    pub(super) async fn renew(&self, cx: &Ctx, refused: &Current) -> bool {
        let Some(renew) = &self.renew else {
            return false;
        };
        let _turn = self.turn.lock().await;
        let number = self.current().number;
        if number != refused.number {
            return true;
        }
        // Why it cannot be had is told by whoever asks next: what the API said is what matters here.
        let Ok(access) = renew(cx.clone()).await else {
            return false;
        };
        let Ok(client) = client::client(&access) else {
            return false;
        };
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Current {
            client,
            number: number + 1,
        };
        true
    }
}

impl Cluster {
    /// Returns when something happened by this machine's clock, that happened at `at` by the clock of the API: what objects say of
    /// times is the cluster's word, and its clock may be off by minutes, or this machine's.
    #[must_use]
    pub fn by_own_clock(&self, at: Timestamp) -> Timestamp {
        at.checked_sub(self.link.ahead()).unwrap_or(at)
    }
}
