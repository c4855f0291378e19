//! What discovery looks for, and where.

use crate::ClusterName;

/// Where a provider with regions looks. Kind has none, and looks at the whole machine either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Regions {
    /// In those that its settings name.
    #[default]
    Configured,
    /// In all that the account may use.
    All,
}

/// What discovery looks for, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'n> {
    /// The cluster; `None`: all of them.
    pub cluster: Option<&'n ClusterName>,
    /// The regions.
    pub regions: Regions,
}

impl<'n> Scope<'n> {
    /// Returns the scope of all clusters in the configured regions.
    #[must_use]
    pub fn all() -> Self {
        Self {
            cluster: None,
            regions: Regions::Configured,
        }
    }

    /// Returns the scope of one cluster in the configured regions.
    #[must_use]
    pub fn of(cluster: &'n ClusterName) -> Self {
        Self {
            cluster: Some(cluster),
            ..Self::all()
        }
    }

    /// Returns the same in these regions.
    #[must_use]
    pub fn within(self, regions: Regions) -> Self {
        Self { regions, ..self }
    }
}
