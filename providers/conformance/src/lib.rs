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

pub use bed::{Ability, Bed, Trouble};
pub use ground::Ground;

/// Makes a test of each case of the suite for a [`Bed`].
#[macro_export]
macro_rules! suite {
    ($bed:ty) => {
        $crate::suite!(
            @ $bed:
            makes_once_and_observes,
            tells_how_far_it_is,
            tells_differences,
            goes_on_from_every_change_of_an_update,
            makes_node_pools,
            gives_access,
            finds_by_tags_alone,
            looks_in_the_regions_that_it_is_told,
            finds_what_controllers_left,
            deletes_until_nothing_is_left,
            tags_in_the_create_call_itself,
            uses_what_others_made_and_never_deletes_it,
            takes_names_to_their_limits,
            keeps_two_clusters_apart,
            goes_on_from_every_change_of_a_making,
            goes_on_from_every_change_of_a_deletion,
            bears_each_call_of_a_making_lost_once,
            bears_each_call_of_a_deletion_lost_once,
            tells_denied_wherever_it_begins,
            bears_throttling,
            bears_throttling_throughout,
            is_misled_by_no_clock,
        );
    };
    (@ $bed:ty: $($case:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::cases::$case::<$bed>().await;
            }
        )*
    };
}
