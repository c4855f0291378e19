//! What the user wants, typed and validated before anything happens.
