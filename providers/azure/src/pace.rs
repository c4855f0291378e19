//! How often an operation is looked at.

use std::time::Duration;

pub(crate) use windlass_http::wait;

/// How often an operation is looked at whose answers do not say how often.
pub(crate) const POLL: Duration = Duration::from_secs(10);
