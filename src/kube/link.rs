//! The client behind a cluster: exchanged for one with a fresh credential when the API no longer takes the old one.

use std::sync::{PoisonError, RwLock};

use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::Client;
use tokio::sync::watch;
use windlass_provider::{Ctx, Kubeconfig, Result};

use super::client;

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
