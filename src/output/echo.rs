//! The terminal's echo of Ctrl-C: "^C" moves the cursor under a live view, which then draws over the wrong lines. It is turned
//! off while one is drawn.

use std::io::stderr;

use rustix::{
    process::getpgrp,
    termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr},
};

/// Keeps control characters from being echoed, until it is dropped.
pub(super) struct Echo(Option<Termios>);

impl Echo {
    /// Leaves everything as it is.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Turns the echo of control characters off on the terminal of standard error, where this process has it to itself.
    pub(super) fn off() -> Self {
        let quiet = || {
            // Who runs in the background would be stopped for it (SIGTTOU).
            if tcgetpgrp(stderr()).ok()? != getpgrp() {
                return None;
            }
            let before = tcgetattr(stderr()).ok()?;
            let mut modes = before.clone();
            modes.local_modes.remove(LocalModes::ECHOCTL);
            tcsetattr(stderr(), OptionalActions::Now, &modes).ok()?;
            Some(before)
        };
        Self(quiet())
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // A terminal that went away needs nothing any more.
            let _ = tcsetattr(stderr(), OptionalActions::Now, before);
        }
    }
}
