//! What an instance type's name tells.
//!
//! Source: <https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html>

use windlass_provider::AwsImage;

/// Returns the series, the generation with what stands behind it, of a type: "g5g.xlarge" is ("g", "5g").
fn parts(machine: &str) -> (&str, &str) {
    let family = machine.split('.').next().unwrap_or_default();
    let digit = family.find(|c: char| c.is_ascii_digit());
    family.split_at(digit.unwrap_or(family.len()))
}

/// Returns whether the type has GPUs of NVIDIA's.
pub(crate) fn has_gpu(machine: &str) -> bool {
    // g4ad has AMD's.
    ["g", "p", "gr"].contains(&parts(machine).0) && !machine.starts_with("g4ad.")
}

/// Returns whether the type is of Graviton processors.
fn is_arm(machine: &str) -> bool {
    let (series, rest) = parts(machine);
    let options = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    (series == "a" && rest == "1") || options.starts_with('g')
}

/// Returns EKS's name for the image of such nodes.
///
/// Source: <https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html> (`amiType`)
pub(crate) fn ami_type(image: AwsImage, machine: &str) -> String {
    let arch = match is_arm(machine) {
        true => "ARM_64",
        false => "x86_64",
    };
    let neuron = ["inf", "trn"].contains(&parts(machine).0);
    match (image, has_gpu(machine), neuron) {
        (AwsImage::Al2023, true, _) => format!("AL2023_{arch}_NVIDIA"),
        (AwsImage::Al2023, _, true) => format!("AL2023_{arch}_NEURON"),
        (AwsImage::Al2023, ..) => format!("AL2023_{arch}_STANDARD"),
        (AwsImage::Bottlerocket, true, _) => format!("BOTTLEROCKET_{arch}_NVIDIA"),
        (AwsImage::Bottlerocket, ..) => format!("BOTTLEROCKET_{arch}"),
    }
}

/// Returns the quota of vCPUs that such instances count against, and what that is called.
///
/// Source: <https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html>
pub(crate) fn quota(machine: &str, spot: bool) -> Option<(&'static str, &'static str)> {
    let series = parts(machine).0;
    Some(match (series, spot) {
        ("a" | "c" | "d" | "h" | "i" | "m" | "r" | "t" | "z" | "im" | "is", false) => {
            ("L-1216C47A", "vCPUs of standard instances")
        }
        ("a" | "c" | "d" | "h" | "i" | "m" | "r" | "t" | "z" | "im" | "is", true) => {
            ("L-34B43A08", "vCPUs of standard spot instances")
        }
        ("g" | "gr" | "vt", false) => ("L-DB2E81BA", "vCPUs of G and VT instances"),
        ("g" | "gr" | "vt", true) => ("L-3819A6DF", "vCPUs of G and VT spot instances"),
        ("p", false) => ("L-417A185B", "vCPUs of P instances"),
        ("p", true) => ("L-7212CCBC", "vCPUs of P spot instances"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_follows_from_the_type() {
        let al = |machine| ami_type(AwsImage::Al2023, machine);
        assert_eq!(al("t3.medium"), "AL2023_x86_64_STANDARD");
        assert_eq!(al("t4g.medium"), "AL2023_ARM_64_STANDARD");
        assert_eq!(al("c7gn.large"), "AL2023_ARM_64_STANDARD");
        assert_eq!(al("g6.xlarge"), "AL2023_x86_64_NVIDIA");
        assert_eq!(al("g5g.xlarge"), "AL2023_ARM_64_NVIDIA");
        assert_eq!(al("g4ad.xlarge"), "AL2023_x86_64_STANDARD");
        assert_eq!(al("inf2.xlarge"), "AL2023_x86_64_NEURON");
        assert_eq!(al("im4gn.large"), "AL2023_ARM_64_STANDARD");
        let rocket = |machine| ami_type(AwsImage::Bottlerocket, machine);
        assert_eq!(rocket("m7g.large"), "BOTTLEROCKET_ARM_64");
        assert_eq!(rocket("p5.48xlarge"), "BOTTLEROCKET_x86_64_NVIDIA");
    }
}
