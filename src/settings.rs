//! Flags, environment, `.env` and `windlass.toml`, resolved once, with the origin of each value.
