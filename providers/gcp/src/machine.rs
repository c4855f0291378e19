//! What a machine type's name tells.

use windlass_provider::{Accelerator, Driver, NodeSize};

/// Returns the machine type that a size stands for: those of the scripts before windlass.
pub(crate) fn of_size(size: NodeSize) -> &'static str {
    match size {
        NodeSize::Small => "e2-standard-2",
        NodeSize::Medium => "e2-standard-4",
        NodeSize::Large => "e2-standard-8",
    }
}

/// Returns the accelerators that are a part of a machine type.
///
/// Sources: <https://cloud.google.com/compute/docs/gpus> (the G2, G4, A2, A3, A4 series),
/// <https://cloud.google.com/kubernetes-engine/docs/how-to/gpus>
pub(crate) fn accelerator(machine: &str) -> Option<Accelerator> {
    let number = |text: &str| {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().ok()
    };
    let rest = |prefix: &str| machine.strip_prefix(prefix);
    let (kind, count) = if let Some(size) = rest("g2-standard-") {
        // https://cloud.google.com/compute/docs/gpus#l4-gpus
        let count = match number(size)? {
            24 => 2,
            48 => 4,
            96 => 8,
            _ => 1,
        };
        ("nvidia-l4", count)
    } else if let Some(size) = rest("a2-highgpu-").or(rest("a2-megagpu-")) {
        ("nvidia-tesla-a100", number(size)?)
    } else if let Some(size) = rest("a2-ultragpu-") {
        ("nvidia-a100-80gb", number(size)?)
    } else if let Some(size) = rest("a3-highgpu-").or(rest("a3-edgegpu-")) {
        ("nvidia-h100-80gb", number(size)?)
    } else if let Some(size) = rest("a3-megagpu-") {
        ("nvidia-h100-mega-80gb", number(size)?)
    } else if let Some(size) = rest("a3-ultragpu-") {
        ("nvidia-h200-141gb", number(size)?)
    } else if let Some(size) = rest("a4-highgpu-") {
        ("nvidia-b200", number(size)?)
    } else {
        return None;
    };
    Some(Accelerator {
        kind: kind.to_owned(),
        count,
        driver: Driver::Default,
    })
}

/// Returns the quota of a region that processors of such a machine count against.
///
/// Source: <https://cloud.google.com/compute/resource-usage> (`N2_CPUS`, `C2_CPUS` and their like; the others share `CPUS`)
pub(crate) fn cpu_quota(machine: &str, spot: bool) -> String {
    if spot {
        return "PREEMPTIBLE_CPUS".to_owned();
    }
    let family = machine.split('-').next().unwrap_or_default();
    let own = [
        "a2", "a3", "c2", "c2d", "c3", "m1", "m2", "m3", "n2", "n2a", "n2d", "n4", "t2a", "t2d",
    ];
    match own.contains(&family) {
        true => format!("{}_CPUS", family.to_uppercase()),
        false => "CPUS".to_owned(),
    }
}

/// Returns the quota of a region that accelerators count against: "nvidia-tesla-t4" against "NVIDIA_T4_GPUS".
pub(crate) fn accelerator_quota(kind: &str, spot: bool) -> String {
    let name = kind
        .replace("nvidia-tesla-", "nvidia-")
        .replace("-h100-80gb", "-h100")
        .replace('-', "_");
    let name = format!("{}_GPUS", name.to_uppercase());
    match spot {
        true => format!("PREEMPTIBLE_{name}"),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_part_of_a_machine_is_known_by_its_name() {
        let of = |machine| accelerator(machine).map(|it| (it.kind, it.count));
        assert_eq!(of("g2-standard-4"), Some(("nvidia-l4".into(), 1)));
        assert_eq!(of("g2-standard-48"), Some(("nvidia-l4".into(), 4)));
        assert_eq!(of("a2-highgpu-2g"), Some(("nvidia-tesla-a100".into(), 2)));
        assert_eq!(of("n1-standard-4"), None);
    }

    #[test]
    fn quotas_are_those_of_the_series() {
        assert_eq!(cpu_quota("e2-standard-4", false), "CPUS");
        assert_eq!(cpu_quota("n2-standard-4", false), "N2_CPUS");
        assert_eq!(cpu_quota("n2-standard-4", true), "PREEMPTIBLE_CPUS");
        assert_eq!(
            accelerator_quota("nvidia-tesla-t4", false),
            "NVIDIA_T4_GPUS"
        );
        assert_eq!(
            accelerator_quota("nvidia-l4", true),
            "PREEMPTIBLE_NVIDIA_L4_GPUS"
        );
        let newer = accelerator_quota("nvidia-h100-80gb", true);
        assert_eq!(newer, "PREEMPTIBLE_NVIDIA_H100_GPUS");
    }
}
