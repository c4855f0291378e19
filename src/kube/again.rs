//! Asking Flux to try again what it has given up.

use serde_json::{Value, json};
use windlass_provider::{Ctx, Result};

use super::{
    Cluster, ObjectRef, Verdict, judge,
    ready::{REQUESTED, RESET},
};

impl Cluster {
    /// Asks Flux to look again at those of its objects that have failed for good: a HelmRelease whose retries are exhausted stays as
    /// it is until its spec changes or somebody resets it, and a source that was refused waits out its interval. A chart that a
    /// release asked for and that could not be had is taken away: the release asks for it anew, and nothing old is read from it. What
    /// is suspended is left alone. Waiting for readiness then begins with the controller's new look.
    ///
    /// # Errors
    /// Where the API cannot be asked, or refuses.
    pub async fn ask_again(&self, cx: &Ctx, refs: &[ObjectRef]) -> Result<()> {
        for object in refs.iter().filter(|it| is_flux(it)) {
            let Some(found) = self.get(cx, object).await? else {
                continue;
            };
            if found["spec"]["suspend"] == true {
                continue;
            }
            let stuck = self.stuck_chart(cx, &found).await?;
            if stuck.is_none() && !has_failed(&found) {
                continue;
            }
            self.delete_and_wait(cx, stuck.as_slice()).await?;
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

    /// Returns the chart that a HelmRelease asked for, where it could not be had.
    async fn stuck_chart(&self, cx: &Ctx, release: &Value) -> Result<Option<ObjectRef>> {
        let Some((namespace, name)) = release["status"]["helmChart"]
            .as_str()
            .and_then(|it| it.split_once('/'))
        else {
            return Ok(None);
        };
        let chart =
            ObjectRef::namespaced("source.toolkit.fluxcd.io/v1", "HelmChart", namespace, name);
        let found = self.get(cx, &chart).await?;
        Ok(found.filter(has_failed).map(|_| chart))
    }
}

fn has_failed(object: &Value) -> bool {
    matches!(judge(object), Verdict::Failed(_))
}

fn is_flux(object: &ObjectRef) -> bool {
    let group = object.api_version.split('/').next().unwrap_or_default();
    group.ends_with(".toolkit.fluxcd.io")
}
