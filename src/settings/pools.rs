//! What flags say of a node pool, held to the rules of `[[clusters.NAME.node-pools]]`.

use windlass_provider::Taint;

use super::{
    names,
    words::{self, Ruled},
};

/// Reads the name of a node pool.
///
/// # Errors
/// What is wrong with it, and what is allowed.
pub fn parse_pool(text: &str) -> Ruled<String> {
    names::label(text)
}

/// Reads a machine type.
///
/// # Errors
/// What is wrong with it, and what is allowed.
pub fn parse_machine(text: &str) -> Ruled<String> {
    words::machine(text)
}

/// Reads a zone.
///
/// # Errors
/// What is wrong with it, and what is allowed.
pub fn parse_zone(text: &str) -> Ruled<String> {
    words::zone(text)
}

/// Reads a Kubernetes version.
///
/// # Errors
/// What is wrong with it, and what is allowed.
pub fn parse_kubernetes_version(text: &str) -> Ruled<String> {
    words::kubernetes_version(text)
}

/// Reads a label: KEY=VALUE.
///
/// # Errors
/// What is wrong with it, and what is allowed.
pub fn parse_label(text: &str) -> Ruled<(String, String)> {
    let (key, value) = text.split_once('=').ok_or_else(|| {
        format!(
            "\"{}\" is not a label: write KEY=VALUE",
            text.escape_debug()
        )
    })?;
    Ok((names::label_key(key)?, names::label_value(value)?))
}

/// Reads a taint as kubectl writes it: KEY=VALUE:EFFECT, or KEY:EFFECT.
///
/// # Errors
/// What is wrong with it, and what is allowed.
pub fn parse_taint(text: &str) -> Ruled<Taint> {
    let (pair, effect) = text.rsplit_once(':').ok_or_else(|| {
        format!(
            "\"{}\" is not a taint: write KEY=VALUE:NoSchedule",
            text.escape_debug()
        )
    })?;
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    Ok(Taint {
        key: names::label_key(key)?,
        value: names::label_value(value)?,
        effect: words::taint_effect(effect)?,
    })
}

#[cfg(test)]
mod tests {
    use windlass_provider::TaintEffect;

    use super::*;

    #[test]
    fn labels_and_taints_are_written_as_kubectl_has_them() {
        assert_eq!(parse_label("a/b=c"), Ok(("a/b".into(), "c".into())));
        assert!(parse_label("a").is_err());
        let taint = parse_taint("nvidia.com/gpu=present:NoSchedule").unwrap();
        assert_eq!((&*taint.key, &*taint.value), ("nvidia.com/gpu", "present"));
        assert_eq!(
            parse_taint("k:NoExecute").unwrap().effect,
            TaintEffect::NoExecute
        );
        for bad in ["k=v", "k=v:Never", ":NoSchedule"] {
            assert!(parse_taint(bad).is_err(), "{bad}");
        }
    }
}
