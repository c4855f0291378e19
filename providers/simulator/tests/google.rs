//! The simulated Google Cloud before its referees: the official discovery documents, and Google's own client of GKE.

mod referee;

use referee::Referee;

const GOOGLE: Referee = Referee {
    variable: "WINDLASS_TEST_GOOGLE",
    whom: "Google Cloud",
    scripts: "tests/google",
};

#[test]
fn facts_are_those_of_the_official_documents() {
    GOOGLE.check("facts.py", "src/google/facts.json");
}

#[tokio::test]
async fn a_cluster_comes_and_goes_by_google_s_own_client() {
    let project = Some("windlass-rehearsal");
    GOOGLE.drive("lifecycle.py", project).await;
}
