//! The conformance suite: what every provider must do, written once, and run for each on the simulator.
//!
//! A provider's test brings a [`Bed`] and calls [`suite!`], which leaves no case out; each case opens beds of its own. A case knows the
//! provider seam and nothing of any provider; what one machine cannot do its bed declares ([`Ability`]), is told loudly, and what must
//! hold instead is checked. What a world holds is asked of the world, never of the provider that is tried.
//!
//! `tests/cloud` is a cloud over HTTP that is made for the suite alone, with a provider: it passes every case, and each of its flaws is
//! noticed by one.

mod bed;
pub mod cases;
mod ground;
mod judge;

pub use bed::{Ability, Bed, Trouble};
pub use ground::{Calls, Ground};
pub use judge::{Sent, judge, python};

/// Makes a test of each case of the suite for a [`Bed`].
#[macro_export]
macro_rules! suite {
    ($bed:ty) => {
        #[tokio::test]
        async fn makes_once_and_observes() {
            $crate::cases::makes_once_and_observes::<$bed>().await
        }
        #[tokio::test]
        async fn tells_how_far_it_is() {
            $crate::cases::tells_how_far_it_is::<$bed>().await
        }
        #[tokio::test]
        async fn tells_differences() {
            $crate::cases::tells_differences::<$bed>().await
        }
        #[tokio::test]
        async fn goes_on_from_every_change_of_an_update() {
            $crate::cases::goes_on_from_every_change_of_an_update::<$bed>().await
        }
        #[tokio::test]
        async fn makes_node_pools() {
            $crate::cases::makes_node_pools::<$bed>().await
        }
        #[tokio::test]
        async fn gives_access() {
            $crate::cases::gives_access::<$bed>().await
        }
        #[tokio::test]
        async fn finds_by_tags_alone() {
            $crate::cases::finds_by_tags_alone::<$bed>().await
        }
        #[tokio::test]
        async fn looks_in_the_regions_that_it_is_told() {
            $crate::cases::looks_in_the_regions_that_it_is_told::<$bed>().await
        }
        #[tokio::test]
        async fn finds_what_controllers_left() {
            $crate::cases::finds_what_controllers_left::<$bed>().await
        }
        #[tokio::test]
        async fn deletes_until_nothing_is_left() {
            $crate::cases::deletes_until_nothing_is_left::<$bed>().await
        }
        #[tokio::test]
        async fn tags_in_the_create_call_itself() {
            $crate::cases::tags_in_the_create_call_itself::<$bed>().await
        }
        #[tokio::test]
        async fn uses_what_others_made_and_never_deletes_it() {
            $crate::cases::uses_what_others_made_and_never_deletes_it::<$bed>().await
        }
        #[tokio::test]
        async fn takes_names_to_their_limits() {
            $crate::cases::takes_names_to_their_limits::<$bed>().await
        }
        #[tokio::test]
        async fn keeps_two_clusters_apart() {
            $crate::cases::keeps_two_clusters_apart::<$bed>().await
        }
        #[tokio::test]
        async fn goes_on_from_every_change_of_a_making() {
            $crate::cases::goes_on_from_every_change_of_a_making::<$bed>().await
        }
        #[tokio::test]
        async fn goes_on_from_every_change_of_a_deletion() {
            $crate::cases::goes_on_from_every_change_of_a_deletion::<$bed>().await
        }
        #[tokio::test]
        async fn bears_each_call_of_a_making_lost_once() {
            $crate::cases::bears_each_call_of_a_making_lost_once::<$bed>().await
        }
        #[tokio::test]
        async fn bears_each_call_of_a_deletion_lost_once() {
            $crate::cases::bears_each_call_of_a_deletion_lost_once::<$bed>().await
        }
        #[tokio::test]
        async fn tells_denied_wherever_it_begins() {
            $crate::cases::tells_denied_wherever_it_begins::<$bed>().await
        }
        #[tokio::test]
        async fn bears_throttling() {
            $crate::cases::bears_throttling::<$bed>().await
        }
        #[tokio::test]
        async fn bears_throttling_throughout() {
            $crate::cases::bears_throttling_throughout::<$bed>().await
        }
        #[tokio::test]
        async fn is_misled_by_no_clock() {
            $crate::cases::is_misled_by_no_clock::<$bed>().await
        }
    };
}
