//! Which components are needed for those that were asked for, and in which order.

use super::{Catalog, Component, Source};

/// Why components cannot be put in order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unordered {
    /// There is no component of that name.
    #[error("there is no component \"{0}\"")]
    Unknown(String),
    /// Components need each other in a circle: our mistake.
    #[error("components need each other in a circle: {}", .0.join(" → "))]
    Circle(Vec<String>),
}

/// Returns the components that were asked for and all that they need, each after what it needs; otherwise in the order in
/// which they were asked for. In place of a set come its parts, those of its options only where they were asked for.
///
/// # Errors
/// A name that is not in the catalogue, or a circle.
pub fn order<'a>(catalog: &'a Catalog, asked: &[&str]) -> Result<Vec<&'a Component>, Unordered> {
    let mut ordered = Vec::new();
    let mut path = Vec::new();
    for name in asked {
        visit(catalog, name, &mut path, &mut ordered)?;
    }
    Ok(ordered)
}

fn visit<'a>(
    catalog: &'a Catalog,
    name: &str,
    path: &mut Vec<String>,
    ordered: &mut Vec<&'a Component>,
) -> Result<(), Unordered> {
    if ordered.iter().any(|component| component.name == name) {
        return Ok(());
    }
    let circle = path.iter().any(|earlier| earlier == name);
    path.push(name.to_owned());
    if circle {
        return Err(Unordered::Circle(path.clone()));
    }
    let component = catalog
        .get(name)
        .ok_or_else(|| Unordered::Unknown(name.to_owned()))?;
    for need in &component.needs {
        visit(catalog, need, path, ordered)?;
    }
    if let Source::Set { parts } = &component.source {
        for part in parts {
            visit(catalog, part, path, ordered)?;
        }
        path.pop();
        return Ok(());
    }
    path.pop();
    ordered.push(component);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_comes_along_and_comes_first() {
        let catalog = Catalog::load().unwrap();
        let names = |asked: &[&str]| -> Vec<String> {
            order(&catalog, asked)
                .unwrap()
                .into_iter()
                .map(|component| component.name.clone())
                .collect()
        };
        assert_eq!(names(&["traefik"]), ["flux", "traefik"]);
        assert_eq!(
            names(&["cert-manager", "flux", "traefik"]),
            ["flux", "cert-manager", "traefik"]
        );
        assert_eq!(
            names(&["istio", "aso"]),
            [
                "flux",
                "istio-base",
                "istiod",
                "istio-gateway",
                "cert-manager",
                "aso"
            ]
        );
        assert_eq!(
            order(&catalog, &["treafik"]),
            Err(Unordered::Unknown("treafik".into()))
        );
    }
}
