//! The flags that only one component has. Each is a key of that component's table in windlass.toml, and held to the same rule.

mod aso;
mod cert_manager;
mod crossplane;
mod external_dns;
mod istio;

use clap::Args;
use serde_json::Value;

use super::component_flags::said_of;
use crate::{
    catalog::Catalog,
    error::{Error, Result},
    settings::special::hold,
    spec::ComponentSpec,
};

/// The flags of all components that have some of their own.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct SpecialFlags {
    #[command(flatten)]
    aso: aso::AsoFlags,
    #[command(flatten)]
    cert_manager: cert_manager::CertManagerFlags,
    #[command(flatten)]
    external_dns: external_dns::ExternalDnsFlags,
    #[command(flatten)]
    istio: istio::IstioFlags,
    #[command(flatten)]
    crossplane: crossplane::CrossplaneFlags,
}

/// What flags say: key → value.
type Said = Vec<(&'static str, Value)>;

impl SpecialFlags {
    /// Returns what was said of each component.
    fn all(&self) -> Result<Vec<(&'static str, Said)>> {
        Ok(vec![
            ("aso", self.aso.said()?),
            ("cert-manager", self.cert_manager.said()?),
            ("crossplane", self.crossplane.said()?),
            ("external-dns", self.external_dns.said()?),
            ("istio", self.istio.said()?),
        ])
    }

    /// Returns whether anything was said of a component.
    pub(super) fn mention(&self, component: &str) -> bool {
        let all = self.all().unwrap_or_default();
        all.iter()
            .any(|(name, said)| *name == component && !said.is_empty())
    }

    /// Lays the flags over what windlass.toml says of components, of which `asked` are meant.
    ///
    /// # Errors
    /// A flag of a component that is not among them, or that breaks its rule.
    pub(super) fn lay_over(
        &self,
        catalog: &Catalog,
        said: &mut Vec<ComponentSpec>,
        asked: &[String],
    ) -> Result<()> {
        for (name, flags) in self.all()? {
            let Some((first, _)) = flags.first() else {
                continue;
            };
            let Some(component) = catalog
                .get(name)
                .filter(|_| asked.iter().any(|it| it == name))
            else {
                return Err(Error::usage(format!(
                    "--{first} is about {name}, which is not asked for"
                ))
                .hint(format!("name {name} too, or leave --{first} out")));
            };
            let mut one = said_of(component, said);
            self.lay_over_one(&mut one)?;
            said.retain(|other| other.name != name);
            said.push(one);
        }
        Ok(())
    }

    /// Lays the flags over what is said of one component.
    ///
    /// # Errors
    /// A flag that breaks its rule.
    pub(super) fn lay_over_one(&self, said: &mut ComponentSpec) -> Result<()> {
        let all = self.all()?.into_iter();
        for (_, flags) in all.filter(|(name, _)| *name == said.name) {
            for (key, value) in flags {
                let held = hold(&said.name, key, &value);
                let held = held.map_err(|why| Error::usage(format!("--{key}: {why}")))?;
                said.options.insert(key.to_owned(), held);
            }
        }
        Ok(())
    }
}

/// Returns what flags say that were given, each with its key.
fn given<const N: usize>(flags: [(&'static str, Option<Value>); N]) -> Said {
    let given = flags.into_iter();
    given
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
}
