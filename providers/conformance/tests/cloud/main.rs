//! A cloud that is made for the suite alone passes all of it; with each flaw of its provider, one case fails. So every seam of the
//! suite runs over HTTP, with all that one machine lacks, before a real cloud is there.

mod provider;
mod sky;
mod wire;

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc};

use async_trait::async_trait;
use futures::FutureExt;
use provider::{Cloud, Flaw, MARK};
use serde_json::json;
use sky::{Sky, Tags};
use windlass_conformance::{Bed, Ground, Trouble, cases};
use windlass_provider::{ClusterSpec, KindOptions, NodeSize, Nodes, Provider, ProviderId};

windlass_conformance::suite!(Air<0>);

/// The flaws, by the number that a bed has.
const FLAWS: [Flaw; 15] = [
    Flaw::None,
    Flaw::GivesUp,
    Flaw::TagsLater,
    Flaw::TakesForeign,
    Flaw::Prefix,
    Flaw::Blind,
    Flaw::OneRegion,
    Flaw::Boasts,
    Flaw::Hopes,
    Flaw::Careless,
    Flaw::Lazy,
    Flaw::Remakes,
    Flaw::Hasty,
    Flaw::Clockless,
    Flaw::Despairs,
];

/// A bed over the cloud; its provider has a flaw.
struct Air<const FLAW: usize> {
    ground: Ground,
    sky: Arc<Sky>,
}

impl<const FLAW: usize> Air<FLAW> {
    fn cloud(&self, region: &'static str) -> Box<dyn Provider> {
        Box::new(Cloud {
            address: self.sky.address(),
            region,
            flaw: FLAWS[FLAW],
        })
    }
}

#[async_trait]
impl<const FLAW: usize> Bed for Air<FLAW> {
    const LONGEST_POOL: usize = 40;

    async fn open() -> Self {
        let ground = Ground::open().await;
        let sky = Sky::open(ground.cx().clock).await;
        Self { ground, sky }
    }

    fn ground(&self) -> &Ground {
        &self.ground
    }

    fn provider(&self) -> Box<dyn Provider> {
        self.cloud("here")
    }

    fn elsewhere(&self) -> Box<dyn Provider> {
        self.cloud("there")
    }

    fn spec(&self, name: &str) -> ClusterSpec {
        ClusterSpec {
            name: name.parse().expect("a name"),
            provider: ProviderId::Google,
            kubernetes_version: None,
            nodes: Nodes {
                min: 1,
                max: 3,
                size: NodeSize::Small,
            },
            node_pools: Vec::new(),
            lifetime: None,
            kind: KindOptions::default(),
            aws: Default::default(),
            azure: Default::default(),
            google: Default::default(),
        }
    }

    async fn list(&self) -> BTreeMap<String, Tags> {
        let name = |place: String| {
            let (_, rest) = place.split_once('/').expect("a region");
            let (kind, name) = rest.rsplit_once('/').expect("a name");
            format!("{kind} {name}")
        };
        let all = self.sky.list().into_iter();
        all.map(|(place, tags)| (name(place), tags)).collect()
    }

    async fn make_foreign(&self, name: &str) {
        let network = format!("here/networks/{name}");
        self.sky.put(&network, json!({ "name": name }));
        let cluster = format!("here/clusters/{name}");
        self.sky
            .put(&cluster, json!({ "name": name, "network": network }));
        let pool = json!({ "name": "main", "min": 2, "max": 9 });
        self.sky.put(&format!("{cluster}/pools/main"), pool);
    }

    async fn leave_behind(&self, cluster: &str) {
        let name = format!("k8s-{cluster}");
        let network = format!("here/networks/{cluster}");
        let tags = json!({ MARK: cluster });
        self.sky.put(
            &format!("here/balancers/{name}"),
            json!({ "name": name, "network": network, "tags": tags }),
        );
    }

    async fn break_down(&self, name: &str) {
        self.sky.break_down(&format!("here/clusters/{name}"));
    }

    async fn trouble(&self, trouble: Trouble, nth: u64) {
        self.sky.trouble(Some((trouble, nth)));
    }

    async fn calm(&self) {
        self.sky.trouble(None);
    }

    async fn hold(&self, nth: u64, after: bool) {
        self.sky.hold(nth, after);
    }

    async fn held(&self) {
        self.sky.held().await;
    }

    async fn cut(&self) {
        self.sky.cut();
    }
}

/// Checks that a case notices the flaw of that number.
macro_rules! notices {
    ($($test:ident: $case:ident, $flaw:literal;)*) => {
        $(
            #[tokio::test]
            async fn $test() {
                let tried = AssertUnwindSafe(cases::$case::<Air<$flaw>>());
                let noticed = tried.catch_unwind().await.is_err();
                assert!(noticed, "{:?} is not noticed", FLAWS[$flaw]);
            }
        )*
    };
}

notices! {
    who_gives_up_is_noticed: bears_throttling_throughout, 1;
    tags_that_come_later_are_noticed: goes_on_from_every_change_of_a_making, 2;
    who_takes_what_is_foreign_is_noticed: uses_what_others_made_and_never_deletes_it, 3;
    names_that_are_only_begun_are_noticed: keeps_two_clusters_apart, 4;
    what_is_overlooked_is_noticed: finds_what_controllers_left, 5;
    a_region_that_is_left_out_is_noticed: looks_in_the_regions_that_it_is_told, 6;
    a_credential_that_ends_early_is_noticed: gives_access, 7;
    who_hopes_in_vain_is_noticed: tells_denied_wherever_it_begins, 8;
    labels_that_are_not_compared_are_noticed: makes_node_pools, 9;
    a_change_that_is_not_made_is_noticed: tells_differences, 10;
    what_is_made_anew_is_noticed: tells_how_far_it_is, 11;
    who_does_not_wait_is_noticed: deletes_until_nothing_is_left, 12;
    who_trusts_another_clock_is_noticed: is_misled_by_no_clock, 13;
    who_despairs_is_noticed: bears_each_call_of_a_making_lost_once, 14;
}

#[tokio::test]
#[should_panic(expected = "google cannot lack Throttling")]
async fn a_cloud_cannot_spare_itself_a_case() {
    struct Lazy(Air<0>);
    #[async_trait]
    impl Bed for Lazy {
        const LONGEST_POOL: usize = 40;
        async fn open() -> Self {
            Self(Air::open().await)
        }
        fn ground(&self) -> &Ground {
            self.0.ground()
        }
        fn provider(&self) -> Box<dyn Provider> {
            self.0.provider()
        }
        fn spec(&self, name: &str) -> ClusterSpec {
            self.0.spec(name)
        }
        fn lacks(&self, _: windlass_conformance::Ability) -> Option<&'static str> {
            Some("it is too much work")
        }
        async fn list(&self) -> BTreeMap<String, Tags> {
            self.0.list().await
        }
        async fn make_foreign(&self, name: &str) {
            self.0.make_foreign(name).await;
        }
        async fn break_down(&self, name: &str) {
            self.0.break_down(name).await;
        }
        async fn trouble(&self, trouble: Trouble, nth: u64) {
            self.0.trouble(trouble, nth).await;
        }
        async fn calm(&self) {
            self.0.calm().await;
        }
    }
    cases::bears_throttling_throughout::<Lazy>().await;
}
