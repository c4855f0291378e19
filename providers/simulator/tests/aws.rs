//! The simulated AWS before its referees: botocore's service models, CloudFormation's own schemas, boto3 and the stock `aws` program.

mod referee;

use referee::Referee;

const AWS: Referee = Referee {
    variable: "WINDLASS_TEST_AWS",
    whom: "AWS",
    scripts: "tests/aws",
};

#[test]
fn shapes_are_as_in_botocores_models() {
    AWS.check("shapes.py", "aws");
}

#[test]
fn resource_types_are_as_in_cloudformations_schemas() {
    AWS.check("resources.py", "aws/cloudformation.types");
}

#[tokio::test]
async fn a_cluster_comes_and_goes_by_boto3() {
    AWS.drive("lifecycle.py", None).await;
}

#[tokio::test]
async fn corners_are_as_boto3_and_the_stock_program_know_them() {
    AWS.drive("corners.py", None).await;
}
