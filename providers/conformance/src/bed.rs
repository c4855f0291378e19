//! What a provider's test brings along.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

use async_trait::async_trait;
use windlass_provider::{ClusterSpec, Provider};

use crate::Ground;

/// What some platforms cannot do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// Refusing a call because there were too many.
    Throttling,
    /// Changing what is there; without it, a cluster that differs is refused and stays as it is.
    ChangeInPlace,
    /// Credentials that end by themselves.
    ExpiringCredentials,
}

/// How calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The connection is lost before the call is carried out: this one, and no other.
    LostBefore,
    /// The connection is lost after the call was carried out: this one, and no other.
    LostAfter,
    /// There were too many calls: this one, and no other.
    Throttled,
    /// The caller may not do this: from this one on.
    Denied,
}

/// A simulated world of one provider, and the provider over it.
#[async_trait]
pub trait Bed: Sized + Send + Sync {
    /// The longest name of a node pool.
    const LONGEST_POOL: usize;

    /// Opens a world of its own in which there is nothing.
    async fn open() -> Self;

    /// Returns the world.
    fn ground(&self) -> &Ground;

    /// Returns a provider that knows nothing of earlier ones, as in another process.
    fn provider(&self) -> Box<dyn Provider>;

    /// Returns a small, ordinary cluster.
    fn spec(&self, name: &str) -> ClusterSpec;

    /// Returns why the platform cannot do this; `None` where it can.
    fn lacks(&self, ability: Ability) -> Option<&'static str>;

    /// Returns all that there is as "kind name", in the words of the provider's resources, with the tags that it carries. The
    /// provider is not asked.
    async fn list(&self) -> BTreeMap<String, BTreeMap<String, String>>;

    /// Makes a cluster as somebody else would.
    async fn make_foreign(&self, name: &str);

    /// Breaks a cluster that is ready, so that it does not come back by itself.
    async fn break_down(&self, name: &str);

    /// Lets the `nth` call from now on fail, and the later ones too where the trouble lasts; in place of what was said before.
    async fn trouble(&self, trouble: Trouble, nth: u64);

    /// Ends all trouble.
    async fn calm(&self);

    /// Returns the names of all that there is.
    async fn names(&self) -> BTreeSet<String> {
        self.list().await.into_keys().collect()
    }

    /// Returns whether the platform can do this, and says loudly why where it cannot.
    fn can(&self, ability: Ability) -> bool {
        let Some(why) = self.lacks(ability) else {
            return true;
        };
        let id = self.provider().id();
        // Written past the test harness, which would swallow it.
        let told = format!("NOT ON {id}: {ability:?}: {why}\n");
        std::io::stderr()
            .write_all(told.as_bytes())
            .expect("standard error");
        false
    }
}
