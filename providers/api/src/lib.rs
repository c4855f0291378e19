//! The seam between windlass and the places where clusters run.
