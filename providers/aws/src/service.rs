//! The services of AWS that are called: where each is, and by which protocol it is spoken to.

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Service {
    /// Elastic Kubernetes Service: REST with JSON.
    Eks,
    /// CloudFormation: queries and XML.
    CloudFormation,
    /// Security Token Service: queries and XML.
    Sts,
    /// EC2: queries and XML.
    Ec2,
    /// Classic load balancers: queries and XML.
    Elb,
    /// Application, network and gateway load balancers: queries and XML.
    ElbV2,
    /// IAM, which has one endpoint for all regions: queries and XML.
    Iam,
    /// Resource Groups Tagging API: JSON 1.1.
    Tagging,
    /// Service Quotas: JSON 1.1.
    Quotas,
    /// CloudWatch Logs: JSON 1.1.
    Logs,
}

impl Service {
    /// Returns the name in signatures and, but for IAM, at the beginning of the host's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Eks => "eks",
            Self::CloudFormation => "cloudformation",
            Self::Sts => "sts",
            Self::Ec2 => "ec2",
            Self::Elb | Self::ElbV2 => "elasticloadbalancing",
            Self::Iam => "iam",
            Self::Tagging => "tagging",
            Self::Quotas => "servicequotas",
            Self::Logs => "logs",
        }
    }

    /// Returns what stands before the colon in IAM's policies.
    pub(crate) fn permission(self) -> &'static str {
        match self {
            Self::Tagging => "tag",
            other => other.name(),
        }
    }

    /// Returns the name that Service Quotas has for it.
    pub(crate) fn quota(self) -> &'static str {
        match self {
            // What a stack may not make is mostly EC2's or the VPC's.
            Self::CloudFormation | Self::Ec2 => "vpc",
            other => other.name(),
        }
    }

    /// Returns the variable that names another endpoint for this service alone.
    ///
    /// Source: <https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints-table.html>
    pub(crate) fn endpoint_variable(self) -> &'static str {
        match self {
            Self::Eks => "AWS_ENDPOINT_URL_EKS",
            Self::CloudFormation => "AWS_ENDPOINT_URL_CLOUDFORMATION",
            Self::Sts => "AWS_ENDPOINT_URL_STS",
            Self::Ec2 => "AWS_ENDPOINT_URL_EC2",
            Self::Elb => "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING",
            Self::ElbV2 => "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2",
            Self::Iam => "AWS_ENDPOINT_URL_IAM",
            Self::Tagging => "AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API",
            Self::Quotas => "AWS_ENDPOINT_URL_SERVICE_QUOTAS",
            Self::Logs => "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS",
        }
    }

    /// Returns the version of its API, for those that want it in each query.
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::CloudFormation => "2010-05-15",
            Self::Sts => "2011-06-15",
            Self::Ec2 => "2016-11-15",
            Self::Elb => "2012-06-01",
            Self::ElbV2 => "2015-12-01",
            Self::Iam => "2010-05-08",
            Self::Eks | Self::Tagging | Self::Quotas | Self::Logs => "",
        }
    }

    /// Returns what stands before the call's name in the target of a JSON request.
    pub(crate) fn target(self) -> &'static str {
        match self {
            Self::Tagging => "ResourceGroupsTaggingAPI_20170126",
            Self::Quotas => "ServiceQuotasV20190624",
            Self::Logs => "Logs_20140328",
            _ => "",
        }
    }

    /// Returns the region in whose name requests are signed that are about `region`.
    ///
    /// Source: <https://docs.aws.amazon.com/general/latest/gr/iam-service.html>
    pub(crate) fn signing_region(self, region: &str) -> &str {
        match (self, partition(region)) {
            (Self::Iam, "aws") => "us-east-1",
            (Self::Iam, "aws-cn") => "cn-north-1",
            (Self::Iam, "aws-us-gov") => "us-gov-west-1",
            _ => region,
        }
    }

    /// Returns its URL in a region.
    pub(crate) fn url(self, region: &str) -> String {
        let suffix = suffix(region);
        match (self, partition(region)) {
            (Self::Iam, "aws") => format!("https://iam.{suffix}"),
            (Self::Iam, "aws-cn") => format!("https://iam.cn-north-1.{suffix}"),
            (Self::Iam, "aws-us-gov") => format!("https://iam.us-gov.{suffix}"),
            _ => format!("https://{}.{region}.{suffix}", self.name()),
        }
    }
}

/// Returns the partition that a region is in.
pub(crate) fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        region if region.starts_with("us-iso-") => "aws-iso",
        region if region.starts_with("us-isob-") => "aws-iso-b",
        region if region.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    }
}

/// Returns the domain of a region's services.
fn suffix(region: &str) -> &'static str {
    match partition(region) {
        "aws-cn" => "amazonaws.com.cn",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-eusc" => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_hosts_of_its_own() {
        assert_eq!(
            Service::Sts.url("eu-west-1"),
            "https://sts.eu-west-1.amazonaws.com"
        );
        assert_eq!(
            Service::Eks.url("cn-north-1"),
            "https://eks.cn-north-1.amazonaws.com.cn"
        );
        assert_eq!(Service::Iam.url("eu-west-1"), "https://iam.amazonaws.com");
        assert_eq!(Service::Iam.signing_region("eu-west-1"), "us-east-1");
        assert_eq!(
            Service::Iam.url("us-gov-east-1"),
            "https://iam.us-gov.amazonaws.com"
        );
        assert_eq!(Service::Elb.signing_region("eu-west-1"), "eu-west-1");
    }
}
