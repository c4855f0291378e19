//! Who a component's controller is in the cloud, where the provider made an identity for it: that is known only once it is there.

use std::borrow::Cow;

use windlass_provider::{Ctx, Error, Fault, ProviderId, Result, Scope};

use super::Steps;
use crate::{catalog, plan::Chart};

impl Steps {
    /// Returns a chart with the identity that the provider has for its controller, where nobody named another.
    pub(super) async fn with_identity<'a>(
        &self,
        cx: &Ctx,
        chart: &'a Chart,
    ) -> Result<Cow<'a, Chart>> {
        let wants = chart.special.as_ref().is_some_and(|it| it.lacks_identity());
        if self.provider_id != ProviderId::Azure || !wants {
            return Ok(Cow::Borrowed(chart));
        }
        let found = self.provider.discover(cx, Scope::of(&self.cluster)).await?;
        let id = format!("identity-{}", chart.component);
        let identity = found.iter().find(|it| it.resource.id.as_str() == id);
        let Some(identity) = identity else {
            let checked = chart
                .special
                .iter()
                .map(|it| it.check_identity(&chart.values));
            checked
                .collect::<Result<(), _>>()
                .map_err(|misuse| Error::new(Fault::Invalid, misuse.message).hint(misuse.hint))?;
            return Ok(Cow::Borrowed(chart));
        };
        let mut chart = chart.clone();
        if let Some(special) = &mut chart.special {
            special.identify(&identity.observed.outputs);
            let values = catalog::special_values(special);
            catalog::merge(&mut chart.values, &values);
        }
        Ok(Cow::Owned(chart))
    }
}
