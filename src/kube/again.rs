//! Asking Flux to try again what it has given up.

use serde_json::json;
use windlass_provider::{Ctx, Result};

use super::{
    Cluster, ObjectRef, Verdict, judge,
    ready::{REQUESTED, RESET},
};

impl Cluster {
    /// Asks Flux to look again at those of its objects that have failed for good: a HelmRelease whose retries are exhausted stays as
    /// it is until its spec changes or somebody resets it, and a source that was refused waits out its interval. What is suspended
    /// is left alone. Waiting for readiness then begins with the controller's new look.
    ///
    /// # Errors
    /// Where the API cannot be asked, or refuses.
    pub async fn ask_again(&self, cx: &Ctx, refs: &[ObjectRef]) -> Result<()> {
        for object in refs.iter().filter(|it| is_flux(it)) {
            let Some(found) = self.get(cx, object).await? else {
                continue;
            };
            let failed = matches!(judge(&found), Verdict::Failed(_));
            if !failed || found["spec"]["suspend"] == true {
                continue;
            }
            let token = cx.clock.now().to_string();
            let mut annotations = json!({ REQUESTED: token });
            if object.kind == "HelmRelease" {
                annotations[RESET] = json!(token);
            }
            let patch = json!({ "metadata": { "annotations": annotations } });
            self.patch(cx, object, &patch).await?;
        }
        Ok(())
    }
}

fn is_flux(object: &ObjectRef) -> bool {
    let group = object.api_version.split('/').next().unwrap_or_default();
    group.ends_with(".toolkit.fluxcd.io")
}
