//! Disks: first what mounts them, then their claims; the storage driver deletes a disk with its claim.

use serde_json::{Value, json};
use windlass_provider::{Ctx, Result};

use super::{Drained, How, Removal, Target, add_kept, find, kept, list_kept};
use crate::kube::{Cluster, ObjectRef};

impl Cluster {
    pub(super) async fn drain_volumes(
        &self,
        cx: &Ctx,
        mut volumes: Vec<Value>,
        how: &How,
        mut drained: Drained,
    ) -> Result<Drained> {
        loop {
            add_kept(&mut drained.kept, list_kept(&volumes));
            let going: Vec<Value> = find::deletable(&volumes).cloned().collect();
            if how.keep_volumes {
                for volume in &going {
                    if let Some(name) = ObjectRef::of(volume) {
                        let retain =
                            json!({ "spec": { "persistentVolumeReclaimPolicy": "Retain" } });
                        self.patch(cx, &name, &retain).await?;
                    }
                    let line = format!("{}: you asked to keep volumes", kept::named(volume));
                    add_kept(&mut drained.kept, [line]);
                }
                return Ok(drained);
            }
            if going.is_empty() {
                return Ok(drained);
            }
            let claims = find::claims_of(&going);
            let users = self.find_users(cx, &claims).await?;
            let users: Vec<ObjectRef> = users
                .owners
                .iter()
                .chain(&users.pods)
                .filter_map(ObjectRef::of)
                .collect();
            // What is stuck of these holds the disks, and is told with them.
            self.delete_or_tire(cx, users, how, |_| ()).await?;
            self.delete_or_tire(cx, claims, how, |_| ()).await?;
            // A volume without a claim has nobody who would let go of it.
            let unclaimed: Vec<ObjectRef> = going
                .iter()
                .filter(|volume| volume["spec"]["claimRef"].is_null())
                .filter_map(ObjectRef::of)
                .collect();
            self.delete_all(cx, &unclaimed).await?;
            if how.abandon {
                let all: Vec<&Value> = going.iter().collect();
                if let Removal::Stuck = self.remove(cx, &all, how, &mut drained).await? {
                    self.note_stuck(cx, Target::Volumes, &mut drained).await?;
                    return Ok(drained);
                }
            } else {
                self.await_disks(cx, &going, how, &mut drained).await?;
            }
            volumes = self.find_drainable(cx, Target::Volumes).await?;
        }
    }

    /// Waits until the storage driver has deleted the disks.
    async fn await_disks(
        &self,
        cx: &Ctx,
        volumes: &[Value],
        how: &How,
        drained: &mut Drained,
    ) -> Result<()> {
        let waiting = volumes.iter().filter_map(|volume| {
            let uid = volume["metadata"]["uid"].as_str().map(str::to_owned);
            Some((ObjectRef::of(volume)?, uid))
        });
        let what = "wait until the storage driver has deleted the disks";
        self.wait_gone(cx, what, waiting.collect(), how.way_out())
            .await?;
        drained.removed.extend(volumes.iter().map(kept::named));
        Ok(())
    }
}
