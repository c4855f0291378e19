//! The sweep on clouds: windlass is killed before and after requests to the simulated account, and run again. The account must end as
//! after an undisturbed run, and be empty after a destroy that has nothing but credentials: no file of the setup.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    sweep::{chosen, expect_resumed},
    world::{Rest, When, World},
};

/// What is typed about one cloud.
#[derive(Clone, Copy)]
struct Words {
    create: &'static [&'static str],
    setup: &'static [&'static str],
    destroy: &'static [&'static str],
}

const AWS: Words = Words {
    create: &["cluster", "create", "aws"],
    setup: &["setup", "aws", "--only", "cert-manager,traefik"],
    destroy: &["destroy", "aws"],
};
const AZURE: Words = Words {
    create: &["cluster", "create", "azure"],
    setup: &["setup", "azure", "--only", "cert-manager,traefik"],
    destroy: &["destroy", "azure"],
};
/// The project comes and goes with a cluster that is made alone.
const GOOGLE: Words = Words {
    create: &["cluster", "create", "google", "--create-project"],
    setup: &["setup", "google", "--only", "cert-manager,traefik"],
    destroy: &["destroy", "google"],
};

#[test]
fn a_cluster_on_aws_goes_on_from_every_request() -> Result<()> {
    sweep(&Rest::empty()?, AWS, AWS.create, false)
}

#[test]
fn a_setup_on_aws_goes_on_from_some_requests() -> Result<()> {
    sweep(&Rest::empty()?, AWS, AWS.setup, true)
}

#[test]
fn a_destroy_on_aws_goes_on_from_some_requests() -> Result<()> {
    let world = Rest::empty()?.wake()?;
    world.complete(AWS.setup)?;
    sweep(&world.rest()?, AWS, AWS.destroy, true)
}

#[test]
fn a_cluster_on_azure_goes_on_from_every_request() -> Result<()> {
    sweep(&Rest::empty()?, AZURE, AZURE.create, false)
}

#[test]
fn a_setup_on_azure_goes_on_from_some_requests() -> Result<()> {
    sweep(&Rest::empty()?, AZURE, AZURE.setup, true)
}

#[test]
fn a_destroy_on_azure_goes_on_from_every_request() -> Result<()> {
    let world = Rest::empty()?.wake()?;
    world.complete(AZURE.create)?;
    sweep(&world.rest()?, AZURE, AZURE.destroy, false)
}

#[test]
fn a_cluster_on_google_goes_on_from_every_request() -> Result<()> {
    sweep(&Rest::empty()?, GOOGLE, GOOGLE.create, false)
}

#[test]
fn a_setup_on_google_goes_on_from_some_requests() -> Result<()> {
    sweep(&Rest::empty()?, GOOGLE, GOOGLE.setup, true)
}

#[test]
fn a_destroy_on_google_goes_on_from_some_requests() -> Result<()> {
    let world = Rest::empty()?.wake()?;
    world.complete(GOOGLE.setup)?;
    sweep(&world.rest()?, GOOGLE, GOOGLE.destroy, true)
}

/// Tries a command with a kill at each of its requests, or at some.
fn sweep(start: &Rest, words: Words, args: &[&str], sampled: bool) -> Result<()> {
    let world = start.wake()?;
    world.complete(args)?;
    let (wanted, requests) = (account(&world)?, world.count_mutations()?);
    drop(world);
    let cases: Vec<(u64, When)> = (1..=requests)
        .flat_map(|at| [(at, When::Before), (at, When::After)])
        .collect();
    let cases = chosen(cases, sampled);
    ensure!(cases.len() >= 4, "{args:?} changes little: {requests}");
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((at, when)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = try_case(start, words, args, (*at, *when), &wanted) {
                        let told = format!("request {at}, {when:?}: {error:#}");
                        failures.lock().expect("no worker panics").push(told);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner()?;
    ensure!(
        failures.is_empty(),
        "{} of {} cases failed:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
    Ok(())
}

fn try_case(
    start: &Rest,
    words: Words,
    args: &[&str],
    (at, when): (u64, When),
    wanted: &BTreeMap<String, usize>,
) -> Result<()> {
    let world = start.wake()?;
    let killed = world.kill(args, at, when)?;
    let ran = world.complete(args)?;
    let there = account(&world)?;
    ensure!(
        there == *wanted,
        "the account holds {there:?} and not {wanted:?}\n{}",
        ran.tell()
    );
    expect_resumed(&killed, &ran)?;
    // Another machine, which knows nothing.
    std::fs::remove_dir_all(world.here())?;
    std::fs::create_dir(world.here())?;
    let ran = world.complete(words.destroy)?;
    let left = account(&world)?;
    if !left.is_empty() {
        bail!("left in the account: {left:?}\n{}", ran.tell());
    }
    Ok(())
}

/// Returns how much there is of each kind in the account, but for what AWS itself makes once and for all.
fn account(world: &World) -> Result<BTreeMap<String, usize>> {
    let assets = world.ask("assets")?;
    let mut kinds = BTreeMap::new();
    for asset in assets.as_array().context("no list")? {
        let of_aws = asset["id"]
            .as_str()
            .unwrap_or_default()
            .contains("AWSServiceRole");
        if !of_aws {
            let kind = asset["kind"].as_str().context("no kind")?;
            *kinds.entry(kind.to_owned()).or_default() += 1;
        }
    }
    Ok(kinds)
}
