//! Platforms drawn by lot: whatever setup was asked for and users put on it, and wherever setup and destroy were killed, destroy leaves
//! the world as it was found.

use std::{
    fs,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::{Context, Result, bail, ensure};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::{select, subsequence},
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

use crate::{
    sweep::{DESTROY, SETUP},
    world::{Fate, When, World},
};

/// How many platforms there are: as many as half a minute on two cores is enough for.
const CASES: usize = 12;
/// How often a platform that fails is made simpler, to see whether it fails still.
const SIMPLER: usize = 12;
/// More requests than any run makes: a kill beyond its last one lets it end.
const REQUESTS: u64 = 110;

/// A platform, and what befalls it.
#[derive(Clone, Debug)]
struct Case {
    components: Components,
    namespaces: Vec<&'static str>,
    /// How many nodes there are besides the first, in a pool.
    pool: u32,
    objects: Vec<Object>,
    /// Whether somebody else's cluster stands there, too.
    neighbour: bool,
    /// Where setup is killed.
    setup: Option<Kill>,
    /// Whether a setup that was killed is brought to its end.
    resumed: bool,
    /// Where destroy is killed, one after the other.
    destroys: Vec<Kill>,
}

#[derive(Clone, Debug)]
enum Components {
    Usual,
    Only(Vec<&'static str>),
    Without(Vec<&'static str>),
}

/// What users put on a platform that holds something outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Object {
    LoadBalancer,
    Disk,
    /// A resource that Crossplane manages: only where that is installed.
    Managed,
}

#[derive(Clone, Copy, Debug)]
struct Kill {
    at: u64,
    when: When,
}

#[test]
fn whatever_was_raised_and_wherever_it_was_killed_destroy_leaves_the_world_as_it_was() {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        TestRng::from_seed(RngAlgorithm::ChaCha, &seed()),
    );
    let draw = |_| cases().new_tree(&mut runner).expect("no case is refused");
    let trees: Vec<_> = (0..CASES).map(draw).collect();
    let cases: Vec<Case> = trees.iter().map(ValueTree::current).collect();
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((at, case)) = take(&cases, &next) {
                    if let Err(error) = case.run() {
                        failed.lock().expect("no worker panics").push((at, error));
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().expect("no worker panics");
    failed.sort_by_key(|(at, _)| *at);
    let Some((at, error)) = failed.into_iter().next() else {
        return;
    };
    let tree = trees.into_iter().nth(at).expect("the case that failed");
    let (case, error) = simplify(tree, error);
    panic!("{case:#?}\n{error:#}");
}

fn take<'c>(cases: &'c [Case], next: &AtomicUsize) -> Option<(usize, &'c Case)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    Some((at, cases.get(at)?))
}

/// Returns the simplest case that still fails, as far as a few tries go.
fn simplify(mut tree: impl ValueTree<Value = Case>, error: anyhow::Error) -> (Case, anyhow::Error) {
    let mut worst = (tree.current(), error);
    let mut goes_on = tree.simplify();
    for _ in 0..SIMPLER {
        if !goes_on {
            break;
        }
        let case = tree.current();
        goes_on = match case.run() {
            Ok(()) => tree.complicate(),
            Err(error) => {
                worst = (case, error);
                tree.simplify()
            }
        };
    }
    worst
}

/// Returns the seed: always the same, unless `WINDLASS_SEED` names another.
fn seed() -> [u8; 32] {
    let wanted = std::env::var("WINDLASS_SEED").unwrap_or_default();
    let mut seed = [7; 32];
    for (byte, wanted) in seed.iter_mut().zip(wanted.bytes()) {
        *byte = wanted;
    }
    seed
}

fn cases() -> impl Strategy<Value = Case> {
    let components = prop_oneof![
        Just(Components::Usual),
        subsequence(vec!["flux", "cert-manager", "traefik"], 1..=2).prop_map(Components::Only),
        Just(Components::Only(vec!["crossplane"])),
        subsequence(vec!["cert-manager", "traefik"], 1..=2).prop_map(Components::Without),
    ];
    let objects = vec![Object::LoadBalancer, Object::Disk, Object::Managed];
    (
        components,
        subsequence(vec!["one", "two-2", "three"], 0..=3),
        0..=1_u32,
        subsequence(objects, 0..=3),
        any::<bool>(),
        proptest::option::weighted(0.7, kill()),
        any::<bool>(),
        vec(kill(), 0..=2),
    )
        .prop_map(
            |(components, namespaces, pool, objects, neighbour, setup, resumed, destroys)| Case {
                components,
                namespaces,
                pool,
                objects,
                neighbour,
                setup,
                resumed,
                destroys,
            },
        )
}

fn kill() -> impl Strategy<Value = Kill> {
    let when = select(vec![When::Before, When::After]);
    // A destroy makes few requests, a setup many: low numbers are of use to both.
    let at = prop_oneof![1..=12_u64, 1..=REQUESTS];
    (at, when).prop_map(|(at, when)| Kill { at, when })
}

impl Case {
    fn run(&self) -> Result<()> {
        let world = crate::world::Rest::empty()?.wake()?;
        world.tell("balancers", json!(true))?;
        fs::write(world.here().join("windlass.toml"), self.settings())?;
        if self.neighbour {
            world.program(&["kind", "create", "cluster", "--name", "theirs"])?;
            let settled = || Ok(runs(&world.ask("objects")?["theirs"]));
            wait(settled).context("the neighbour does not come to rest")?;
        }
        let before = world.picture()?;
        let setup = self.command();
        let killed = match self.setup {
            None => false,
            Some(kill) => kill.strike(&world, &setup)?,
        };
        if !killed || self.resumed {
            world.complete(&setup).context("setup")?;
            for object in &self.objects {
                self.make(&world, *object)
                    .with_context(|| format!("{object:?}"))?;
            }
        }
        for kill in &self.destroys {
            kill.strike(&world, DESTROY)?;
        }
        let ran = world.complete(DESTROY).context("destroy")?;
        let receipt = ran.events.last().context("no receipt")?;
        for none in ["left", "unproven", "failed"] {
            ensure!(receipt[none] == json!([]), "{none}: {receipt}");
        }
        if let Some(differs) = before.compare(&world.picture()?) {
            bail!("the world is another:\n  {differs}\n{}", ran.tell());
        }
        let assets = world.ask("assets")?;
        ensure!(
            assets == json!([]),
            "left in clouds: {assets}\n{}",
            ran.tell()
        );
        Ok(())
    }

    fn settings(&self) -> String {
        let pool = match self.pool {
            0 => String::new(),
            count => format!(
                "[[clusters.dot.node-pools]]\nname = \"more\"\nmin = {count}\nmax = {count}\n"
            ),
        };
        format!(
            "[clusters.dot]\nprovider = \"kind\"\nkind = {{ http-port = 0, https-port = 0 }}\n{pool}\
             [platform]\nnamespaces = {:?}\n",
            self.namespaces
        ) + match self.has_crossplane() {
            true => "[components.crossplane]\nenabled = true\ncloud = \"aws\"\n",
            false => "",
        }
    }

    fn command(&self) -> Vec<&str> {
        let (flag, names) = match &self.components {
            Components::Usual => return SETUP.to_vec(),
            Components::Only(names) => ("--only", names),
            Components::Without(names) => ("--without", names),
        };
        let flags = names.iter().flat_map(|name| [flag, *name]);
        SETUP.iter().copied().chain(flags).collect()
    }

    fn has_crossplane(&self) -> bool {
        matches!(&self.components, Components::Only(names) if names.contains(&"crossplane"))
    }

    /// Makes an object, and waits until what it holds is there.
    fn make(&self, world: &World, object: Object) -> Result<()> {
        let there = assets(world)?;
        match object {
            Object::LoadBalancer => {
                let service = json!({
                    "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" },
                    "spec": { "type": "LoadBalancer", "selector": { "app": "web" }, "ports": [{ "port": 80 }] },
                });
                world.make("dot", "api/v1/namespaces/default/services", &service)?;
            }
            Object::Disk => {
                let class = json!({
                    "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": "disks" },
                    "provisioner": "disks.example.org", "volumeBindingMode": "Immediate",
                });
                world.make("dot", "apis/storage.k8s.io/v1/storageclasses", &class)?;
                let claim = json!({
                    "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data" },
                    "spec": {
                        "accessModes": ["ReadWriteOnce"], "storageClassName": "disks",
                        "resources": { "requests": { "storage": "1Gi" } },
                    },
                });
                let claims = "api/v1/namespaces/default/persistentvolumeclaims";
                world.make("dot", claims, &claim)?;
            }
            Object::Managed if self.has_crossplane() => {
                let config = json!({
                    "apiVersion": "aws.m.upbound.io/v1beta1", "kind": "ClusterProviderConfig",
                    "metadata": { "name": "default" }, "spec": { "credentials": { "source": "PodIdentity" } },
                });
                let configs = "apis/aws.m.upbound.io/v1beta1/clusterproviderconfigs";
                world.make("dot", configs, &config)?;
                let group = json!({
                    "apiVersion": "rds.aws.m.upbound.io/v1beta1", "kind": "SubnetGroup",
                    "metadata": { "name": "nets" }, "spec": { "forProvider": { "region": "us-east-1" } },
                });
                let groups = "apis/rds.aws.m.upbound.io/v1beta1/namespaces/default/subnetgroups";
                world.make("dot", groups, &group)?;
            }
            Object::Managed => return Ok(()),
        }
        wait(|| Ok(assets(world)? > there)).context("nothing came of it")
    }
}

impl Kill {
    /// Kills a command there; returns false where it ended before.
    fn strike(self, world: &World, args: &[&str]) -> Result<bool> {
        match world.try_kill(args, self.at, self.when)? {
            Fate::Killed(_) => Ok(true),
            Fate::Ended(ran) => match ran.code {
                Some(0) => Ok(false),
                code => bail!("{args:?} ended with {code:?}\n{}", ran.tell()),
            },
        }
    }
}

/// Asks until it holds: each question lets the world go on.
fn wait(holds: impl Fn() -> Result<bool>) -> Result<()> {
    for _ in 0..1000 {
        if holds()? {
            return Ok(());
        }
    }
    bail!("it never held")
}

/// Returns whether every Pod of a cluster runs.
fn runs(objects: &Value) -> bool {
    let objects = objects.as_array().into_iter().flatten();
    let mut pods = objects.filter(|it| it["kind"] == "Pod").peekable();
    pods.peek().is_some() && pods.all(|it| it["status"]["phase"] == "Running")
}

/// Returns how many things there are outside of clusters.
fn assets(world: &World) -> Result<usize> {
    let assets: Value = world.ask("assets")?;
    Ok(assets.as_array().context("no list")?.len())
}
