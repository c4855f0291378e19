//! An API that does not answer any more: noticed by the requests that are sent anyway, never by asking for the sake of it.

use std::time::Duration;

use windlass_provider::{Ctx, Error, Fault, Result};

use super::{Cluster, fault::Failure};

impl Cluster {
    /// Notes whether what failed was answered.
    pub(super) fn note(&self, cx: &Ctx, failure: &Failure) {
        match failure.is_answered() {
            true => self.link.note_answer(),
            // What the network does passes; a certificate that is another's does not.
            false if failure.error.fault == Fault::Transient => {
                self.link.note_silence(cx.clock.now());
            }
            false => {}
        }
    }

    /// Does `work` for as long as the API answers, or may come back.
    ///
    /// # Errors
    /// Those of `work`; [`Fault::Unavailable`] when nothing has been answered for `patience`.
    pub async fn while_it_answers<T>(
        &self,
        cx: &Ctx,
        patience: Duration,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let mut silence = self.link.silence();
        let dead = |since: Option<jiff::Timestamp>| {
            since.is_some_and(|since| cx.clock.now() >= since + patience)
        };
        let gone = || {
            let minutes = patience.as_secs() / 60;
            let server = self.server();
            let what =
                format!("the Kubernetes API at {server} has not answered for {minutes} minutes");
            Error::new(Fault::Unavailable, what)
        };
        if dead(*self.link.silence().borrow()) {
            // What was silent a while ago may answer by now; an answer is noted.
            let _ = self.reachable(cx).await;
            if dead(*self.link.silence().borrow()) {
                return Err(gone());
            }
        }
        let silent = async {
            loop {
                let since = *silence.borrow_and_update();
                let passed = async {
                    match since {
                        Some(since) => cx.clock.reached(since + patience).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    // The sender lives as long as this does.
                    Ok(()) = silence.changed() => {}
                    () = passed => return,
                }
            }
        };
        tokio::select! {
            biased;
            result = work => match result {
                Err(error)
                    if error.fault == Fault::Transient && dead(*self.link.silence().borrow()) =>
                {
                    Err(gone().cause(error.to_line()))
                }
                result => result,
            },
            () = silent => Err(gone()),
        }
    }
}
