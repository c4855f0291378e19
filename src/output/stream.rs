//! Standard output and standard error: the only place in windlass that writes to them, but for the live view's drawing.
//!
//! Everything but a credential that was asked for by name passes the redactor. A reader that has gone away is no error.

use std::{
    io::{self, ErrorKind, Write},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;

use crate::{error::Result, redact::Redactor};

/// The two streams.
pub struct Streams {
    out: Mutex<Box<dyn Write + Send>>,
    err: Mutex<Box<dyn Write + Send>>,
    pub(super) redactor: Arc<Redactor>,
}

impl Streams {
    /// Returns those of the process.
    #[must_use]
    pub fn standard(redactor: Arc<Redactor>) -> Self {
        Self {
            out: Mutex::new(Box::new(io::stdout())),
            err: Mutex::new(Box::new(io::stderr())),
            redactor,
        }
    }

    /// Writes data to standard output.
    ///
    /// # Errors
    /// Where it cannot be written, unless the reader has gone away.
    pub fn data(&self, text: &str) -> Result<()> {
        self.write_clean(&self.redactor.text(text))
    }

    /// Writes to standard output as it is: only for a credential that the user asked for, as `windlass token` does.
    ///
    /// # Errors
    /// As [`Streams::data`].
    pub fn credential(&self, text: &str) -> Result<()> {
        self.write_clean(text)
    }

    /// Writes to standard output what holds no secret any more.
    pub(super) fn write_clean(&self, text: &str) -> Result<()> {
        Ok(write(&self.out, text).context("cannot write to standard output")?)
    }

    /// Writes whole lines to standard error. Where that cannot be written there is nobody left to tell.
    pub fn note(&self, text: &str) {
        let text = self.redactor.text(text);
        drop(write(&self.err, &format!("{text}\n")));
    }
}

fn write(stream: &Mutex<Box<dyn Write + Send>>, text: &str) -> io::Result<()> {
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    match stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush())
    {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

#[cfg(test)]
pub(super) mod captured {
    //! Streams that a test reads back.

    use super::*;

    /// What was written to one stream.
    #[derive(Clone, Default)]
    pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A stream that fails.
    pub(crate) struct Failing(pub(crate) ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    impl Streams {
        /// Returns streams, and what is written to standard output and standard error.
        pub(crate) fn captured() -> (Arc<Self>, Written, Written) {
            let (out, err) = (Written::default(), Written::default());
            let streams = Self {
                out: Mutex::new(Box::new(out.clone())),
                err: Mutex::new(Box::new(err.clone())),
                redactor: Arc::default(),
            };
            (Arc::new(streams), out, err)
        }

        pub(crate) fn failing(kind: ErrorKind) -> Arc<Self> {
            Arc::new(Self {
                out: Mutex::new(Box::new(Failing(kind))),
                err: Mutex::new(Box::new(Failing(kind))),
                redactor: Arc::default(),
            })
        }
    }
}
