//! What a provider's test brings along.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    time::Duration,
};

use async_trait::async_trait;
use windlass_provider::{ClusterSpec, Provider, ProviderId};

use crate::Ground;

/// What one machine cannot do, and every cloud can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// Refusing a call for the moment: because there were too many, or because it is not well itself.
    Throttling,
    /// Changing what is there; without it, a cluster that differs is refused and stays as it is.
    ChangeInPlace,
    /// Credentials that end by themselves.
    ExpiringCredentials,
    /// Controllers in a cluster that make something beside it: load balancers, disks.
    Leftovers,
    /// More than one region.
    Regions,
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
    /// The platform is not well (503): this call, and no other.
    Unwell,
    /// There are too many calls: every second one from this one on.
    Crowded,
    /// The caller may not do this: from this one on.
    Denied,
}

/// A simulated world of one provider, and the provider over it.
#[async_trait]
pub trait Bed: Sized + Send + Sync {
    /// The longest name of a node pool.
    const LONGEST_POOL: usize;

    /// How long a credential is taken after the end that is said of it, by who says it early so that nobody comes too late.
    const SAID_TO_END_EARLY: Duration = Duration::ZERO;

    /// The id of the resource that [`Self::break_down`] breaks.
    const BREAKS: &str = "cluster";

    /// Opens a world of its own in which there is nothing.
    async fn open() -> Self;

    /// Returns the world.
    fn ground(&self) -> &Ground;

    /// Returns a provider that knows nothing of earlier ones, as in another process.
    fn provider(&self) -> Box<dyn Provider>;

    /// Returns one whose settings name another region; asked for only where there is one.
    fn elsewhere(&self) -> Box<dyn Provider> {
        unreachable!("it is lacking")
    }

    /// Returns a small, ordinary cluster.
    fn spec(&self, name: &str) -> ClusterSpec;

    /// Returns why the platform cannot do this. Only one machine cannot: a cloud does not say anything here.
    fn lacks(&self, _: Ability) -> Option<&'static str> {
        None
    }

    /// Returns all that there is as "kind name", in the words of the provider's resources, with the tags that it carries, or those of
    /// what it hangs on where it can carry none. The provider is not asked.
    async fn list(&self) -> BTreeMap<String, BTreeMap<String, String>>;

    /// Makes a cluster as somebody else would.
    async fn make_foreign(&self, name: &str);

    /// Lets a controller in a cluster make something beside it, a load balancer, say: it carries the platform's own mark of that cluster,
    /// and none of windlass's. The cluster may be gone since. Called only where there is such a thing.
    async fn leave_behind(&self, _cluster: &str) {
        unreachable!("it is lacking")
    }

    /// Breaks a cluster that is ready, so that it does not come back by itself.
    async fn break_down(&self, name: &str);

    /// Lets the `nth` call from now on fail, and the later ones too where the trouble lasts; in place of what was said before.
    async fn trouble(&self, trouble: Trouble, nth: u64);

    /// Ends all trouble.
    async fn calm(&self);

    /// Holds the `nth` change from now on, before it is carried out or after; 0: none any more.
    async fn hold(&self, nth: u64, after: bool) {
        self.ground().hold(nth, after).await;
    }

    /// Waits until that change has come.
    async fn held(&self) {
        self.ground().held().await;
    }

    /// Ends the connection of the change that is held, where somebody still waits for it.
    async fn cut(&self) {
        self.ground().cut().await;
    }

    /// Returns the names of all that there is.
    async fn names(&self) -> BTreeSet<String> {
        self.list().await.into_keys().collect()
    }

    /// Returns whether the platform can do this, and says loudly why where it cannot.
    ///
    /// # Panics
    /// Where a cloud says that it cannot: what it would be spared matters most there.
    fn can(&self, ability: Ability) -> bool {
        let Some(why) = self.lacks(ability) else {
            return true;
        };
        let id = self.provider().id();
        assert_eq!(id, ProviderId::Kind, "{id} cannot lack {ability:?}: {why}");
        // Written past the test harness, which would swallow it.
        let told = format!("NOT ON {id}: {ability:?}: {why}\n");
        std::io::stderr()
            .write_all(told.as_bytes())
            .expect("standard error");
        false
    }
}
