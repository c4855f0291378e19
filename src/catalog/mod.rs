//! The catalogue: which components there are, in which order they come, and the objects that install one.
//!
//! Everything is data under `templates/`, built into the binary; adding a component is adding a file. This room does no
//! I/O and knows no cluster: it turns a component and its values into Kubernetes objects.

mod assign;
mod component;
mod order;
mod render;
mod special;
mod template;
mod values;
mod version;

pub use assign::{BadAssignment, Typing, assign};
pub use component::{Catalog, Choice, Component, Misuse, Part, Sign, Source};
pub use order::{Unordered, order};
pub use render::{Release, gitops, namespaces, release};
pub use special::{Extras, Home, extras, is_self_made, special_values};
pub use template::{TemplateError, substitute};
pub use values::{Difference, WrongType, compare_values, merge, take_away};
pub use version::{Leap, is_same_version, judge_leap, nearest_version};

use include_dir::{Dir, include_dir};

/// Everything under `templates/`.
static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");
