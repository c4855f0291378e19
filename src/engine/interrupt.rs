//! How a user stops a run: once gently, twice at once.

use tokio_util::sync::CancellationToken;

/// The two stages of an interruption. Clones are one handle.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    gently: CancellationToken,
    at_once: CancellationToken,
}

impl Interrupt {
    /// Returns a handle that nobody has pulled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the run to stop: the first call lets running steps end within their grace period, the second stops them.
    pub fn request(&self) {
        if self.gently.is_cancelled() {
            self.at_once.cancel();
        } else {
            self.gently.cancel();
        }
    }

    /// Returns whether the run was asked to stop.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.gently.is_cancelled()
    }

    /// Returns the token that the first request cancels. Whatever changes nothing stops with it: facts, checks, questions.
    #[must_use]
    pub fn gently(&self) -> &CancellationToken {
        &self.gently
    }

    /// Returns the token that the second request cancels, or the end of the grace period.
    #[must_use]
    pub fn at_once(&self) -> &CancellationToken {
        &self.at_once
    }
}
