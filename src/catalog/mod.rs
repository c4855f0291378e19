//! The catalogue: which components there are, in which order they come, and the objects that install one.
//!
//! Everything is data under `templates/`, built into the binary; adding a component is adding a file. This room does no
//! I/O and knows no cluster: it turns a component and its values into Kubernetes objects.

mod component;
mod order;
mod render;
mod template;

pub use component::{Catalog, Choice, Component, Misuse, Part, Source};
pub use order::{Unordered, order};
pub use render::{Release, gitops, namespaces, release};
pub use template::{TemplateError, merge, substitute};

use include_dir::{Dir, include_dir};

/// Everything under `templates/`.
static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");
