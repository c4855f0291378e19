//! SIGINT and SIGTERM, listened for from the first moment on: by a command that knows how to end, or else for it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::Context as _;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::error::{Error, Kind, Result};

/// Counts the signals that came.
#[derive(Clone)]
pub struct Signals {
    count: watch::Receiver<u32>,
    /// Whether the command itself does what is to be done about them.
    taken: Arc<AtomicBool>,
}

impl Signals {
    /// Begins to listen; needs a tokio runtime.
    ///
    /// # Errors
    /// The system refuses.
    pub fn listen() -> Result<Self> {
        let open = |kind| {
            signal(kind)
                .context("cannot listen for signals")
                .map_err(|error| Error::new(Kind::Refused, error))
        };
        let (mut ctrl_c, mut term) = (
            open(SignalKind::interrupt())?,
            open(SignalKind::terminate())?,
        );
        let (sender, count) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                let came = tokio::select! {
                    came = ctrl_c.recv() => came,
                    came = term.recv() => came,
                };
                if came.is_none() {
                    return;
                }
                sender.send_modify(|count| *count += 1);
            }
        });
        Ok(Self {
            count,
            taken: Arc::default(),
        })
    }

    /// Waits for a signal that no command has taken.
    pub(super) async fn untaken(&self) {
        let mut count = self.count.clone();
        loop {
            if *count.borrow_and_update() > 0 && !self.taken.load(Ordering::Relaxed) {
                return;
            }
            if count.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Calls `each` at each signal from now on: the command itself does what is to be done.
    pub(super) fn take(&self, each: impl Fn() + Send + 'static) {
        self.taken.store(true, Ordering::Relaxed);
        let mut count = self.count.clone();
        tokio::spawn(async move {
            let mut seen = 0;
            loop {
                let now = *count.borrow_and_update();
                for _ in seen..now {
                    each();
                }
                seen = now;
                if count.changed().await.is_err() {
                    return;
                }
            }
        });
    }
}
