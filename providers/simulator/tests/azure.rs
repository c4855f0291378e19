//! The simulated Azure before its referees: the models of Microsoft's own clients for Python, and those clients themselves.

mod referee;

use referee::Referee;

const AZURE: Referee = Referee {
    variable: "WINDLASS_TEST_AZURE",
    whom: "Azure",
    scripts: "tests/azure",
};

#[test]
fn shapes_are_as_in_microsofts_models() {
    AZURE.check("shapes.py", "azure.shapes");
}

#[tokio::test]
async fn a_cluster_comes_and_goes_by_microsofts_clients() {
    AZURE.drive("lifecycle.py", None).await;
}
