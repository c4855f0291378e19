//! What every call to a provider is given.

use std::{fmt, fs::File, future::Future, path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{Clock, Error, Result, Trace};

/// Clock, deadline, cancellation, progress and trace of one call, and the handle that started programs inherit.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// The time, and every wait.
    pub clock: Arc<dyn Clock>,
    /// When the call must have ended; `None` where nothing bounds it.
    pub deadline: Option<Timestamp>,
    /// Cancelled when the user interrupts the run: calls return [`Error::cancelled`] soon after.
    pub cancel: CancellationToken,
    /// Where to say what is being waited for.
    pub progress: Progress,
    /// Where to tell what is sent over the wire, and which programs are run.
    pub trace: Trace,
    /// An open, locked file that programs are started with (as their standard input), so that the lock outlives a
    /// windlass that was killed, until the last program that it had started has ended.
    pub program_lock: Option<Arc<File>>,
    /// The folder for files that only a started program reads or writes, which are removed when it has ended. A run has one of
    /// its own, and removes from it what a killed one left; elsewhere it is the system's folder for temporary files.
    pub scratch: PathBuf,
}

impl Ctx {
    /// Returns a context with no deadline, nobody to cancel it and nobody to tell.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            deadline: None,
            cancel: CancellationToken::new(),
            progress: Progress::default(),
            trace: Trace::default(),
            program_lock: None,
            scratch: std::env::temp_dir(),
        }
    }

    /// Returns a copy whose deadline is at most `duration` from now.
    #[must_use]
    pub fn within(&self, duration: Duration) -> Self {
        let at = self.clock.now() + duration;
        Self {
            deadline: Some(self.deadline.map_or(at, |deadline| deadline.min(at))),
            ..self.clone()
        }
    }

    /// Runs `work` until it ends, the deadline passes ([`crate::Fault::TimedOut`]) or the run is cancelled
    /// ([`crate::Fault::Cancelled`]), whichever comes first.
    ///
    /// # Errors
    /// What `work` returns, or the two above; `what` names the work in them, as in "creating cluster dot".
    pub async fn bound<T>(
        &self,
        what: &str,
        work: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let timeout = async {
            match self.deadline {
                Some(at) => self.clock.reached(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Error::cancelled(what)),
            result = work => result,
            () = timeout => Err(Error::timed_out(what)),
        }
    }
}

type Listener = dyn Fn(&str) + Send + Sync;

/// Tells whoever watches what a call is waiting for. The default tells nobody.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<Listener>>);

impl Progress {
    /// Returns a progress that calls `listener` with each message.
    #[must_use]
    pub fn new(listener: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    /// Says what is going on, as a fragment in lower case: "waiting for 2 of 3 nodes".
    pub fn say(&self, message: impl AsRef<str>) {
        if let Some(listener) = &self.0 {
            listener(message.as_ref());
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Progress(listener)"
        } else {
            "Progress(nobody)"
        })
    }
}
