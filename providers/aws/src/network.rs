//! The stack: network and roles.

mod removal;

use sha2::{Digest, Sha256};
use windlass_provider::{
    AwsNat, Change, ClusterName, Ctx, Difference, Error, Fault, Known, Observed, Outputs, Owner,
    Resource, ResourceId, Result, State, Tags,
};

use crate::{
    client::{Client, pause},
    identities,
    refusal::Trouble,
    stacks::{self, POLL, Stack},
    tagged::{self, Pairs},
    want::{NETWORK, StackLayout, stack_name},
};

pub(crate) use removal::delete;

/// The template.
pub(crate) const TEMPLATE: &str = include_str!("../../../templates/aws/cluster.yaml");
/// The tag that says from which template a stack was made.
const TEMPLATE_TAG: &str = "windlass-template";

/// What a stack's status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It is being made, changed or rolled back.
    Busy,
    /// It is there.
    Ready,
    /// Its making failed: it holds nothing that is used.
    Unmade,
    /// It is being deleted.
    Deleting,
    /// Its deletion failed.
    Stuck,
    /// A change of it failed and could not be taken back.
    Broken,
}

fn phase(stack: &Stack) -> Phase {
    match stack.status.as_str() {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_COMPLETE" => {
            Phase::Ready
        }
        "CREATE_FAILED" | "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "REVIEW_IN_PROGRESS" => {
            Phase::Unmade
        }
        "DELETE_IN_PROGRESS" => Phase::Deleting,
        "DELETE_FAILED" => Phase::Stuck,
        "UPDATE_FAILED" | "UPDATE_ROLLBACK_FAILED" => Phase::Broken,
        _ => Phase::Busy,
    }
}

/// Returns the short digest of the template.
fn template_digest() -> String {
    let digest = Sha256::digest(TEMPLATE.as_bytes());
    digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Returns the parameters of a stack.
fn parameters(cluster: &ClusterName, layout: &StackLayout) -> Vec<(&'static str, String)> {
    let zone = |at: usize| layout.zones.get(at).cloned().unwrap_or_default();
    let mut parameters = vec![
        ("ClusterName", cluster.to_string()),
        ("Zones", layout.zones.len().max(2).to_string()),
        ("ZoneA", zone(0)),
        ("ZoneB", zone(1)),
        ("ZoneC", zone(2)),
        (
            "Nat",
            match layout.nat {
                AwsNat::One => "one".to_owned(),
                AwsNat::PerZone => "per-zone".to_owned(),
            },
        ),
    ];
    for (controller, key) in identities::PARAMETERS {
        let has = layout.controllers.iter().any(|it| it == controller);
        parameters.push((key, if has { "yes" } else { "no" }.to_owned()));
    }
    if let Some((vpc, cidr)) = &layout.vpc {
        parameters.push(("Vpc", vpc.clone()));
        parameters.push(("VpcCidr", cidr.clone()));
    }
    parameters
}

/// Returns how a stack differs from what is wanted.
fn differences(stack: &Stack, layout: &StackLayout) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |field: &str, wanted: String, there: String, changeable: bool| {
        if wanted != there {
            found.push(Difference {
                field: field.to_owned(),
                wanted,
                found: there,
                changeable,
            });
        }
    };
    let there = |key: &str| stack.parameters.get(key).cloned().unwrap_or_default();
    let vpc = layout.vpc.as_ref().map(|(vpc, _)| vpc.clone());
    compare(
        "aws.vpc",
        vpc.clone().unwrap_or_default(),
        there("Vpc"),
        false,
    );
    if vpc.is_none() {
        let zones = |zones: &[String]| zones.join(", ");
        compare(
            "aws.zones",
            zones(&layout.zones),
            zones(&stacks::zones(stack)),
            false,
        );
        let nat = match layout.nat {
            AwsNat::One => "one",
            AwsNat::PerZone => "per-zone",
        };
        compare("aws.nat", nat.to_owned(), there("Nat"), true);
    }
    let have = identities::PARAMETERS
        .iter()
        .filter(|(_, key)| there(key) == "yes");
    let mut have: Vec<&str> = have.map(|(controller, _)| *controller).collect();
    have.sort_unstable();
    compare(
        "aws.controllers",
        layout.controllers.join(", "),
        have.join(", "),
        true,
    );
    let words = |seconds: Option<u64>| seconds.map_or("none".to_owned(), |s| format!("{s} s"));
    let lived = tagged::lifetime(&stack.tags);
    compare("lifetime", words(layout.lifetime), words(lived), true);
    let made = stack.tags.get(TEMPLATE_TAG).cloned().unwrap_or_default();
    compare("the template of the network", template_digest(), made, true);
    found
}

/// Returns what can be read off a stack: its outputs, as "PrivateSubnetA" → "private-subnet-a".
fn outputs(stack: &Stack) -> Outputs {
    let mut outputs: Outputs = stack
        .outputs
        .iter()
        .map(|(key, value)| (kebab(key), value.clone()))
        .collect();
    for (letter, zone) in ["a", "b", "c"].iter().zip(stacks::zones(stack)) {
        outputs.insert(format!("zone-{letter}"), zone);
    }
    if let Some(nat) = stack.parameters.get("Nat") {
        outputs.insert("nat".to_owned(), nat.clone());
    }
    tagged::put_times(&mut outputs, &stack.tags);
    outputs
}

fn kebab(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

/// Returns the private subnets of a network, with their zones.
pub(crate) fn private_subnets(network: &Outputs) -> Vec<(String, String)> {
    subnets(network, "private")
}

/// Returns the public subnets of a network, with their zones.
pub(crate) fn public_subnets(network: &Outputs) -> Vec<(String, String)> {
    subnets(network, "public")
}

fn subnets(network: &Outputs, what: &str) -> Vec<(String, String)> {
    let letters = ["a", "b", "c"].into_iter();
    letters
        .filter_map(|letter| {
            let subnet = network.get(&format!("{what}-subnet-{letter}"))?;
            let zone = network.get(&format!("zone-{letter}"));
            Some((subnet.clone(), zone.cloned().unwrap_or_default()))
        })
        .collect()
}

/// Returns the outputs of a cluster's stack: those that are known, or as they are.
pub(crate) async fn known_outputs(
    client: &Client,
    cx: &Ctx,
    cluster: &ClusterName,
    known: &Known,
) -> Result<Outputs> {
    if let Some(outputs) = known.get(&ResourceId::new(NETWORK)) {
        return Ok(outputs.clone());
    }
    let name = stack_name(cluster);
    match stacks::describe(client, cx, &name).await? {
        Some(stack) if phase(&stack) == Phase::Ready => Ok(outputs(&stack)),
        _ => Err(
            Error::new(Fault::Failed, format!("stack \"{name}\" is not there"))
                .cause("the network and the roles come from it")
                .hint("make them first: run windlass setup aws again"),
        ),
    }
}

/// Describes a stack that was read.
pub(crate) fn describe(stack: &Stack, layout: Option<&StackLayout>) -> (Observed, Option<Tags>) {
    let (owner, tags, doubt) = tagged::judge(&stack.tags);
    let state = match phase(stack) {
        Phase::Busy => State::Making,
        Phase::Ready => State::Ready,
        Phase::Deleting => State::Deleting,
        Phase::Unmade | Phase::Stuck | Phase::Broken => State::Failed,
    };
    let status = match stack.reason.as_str() {
        "" => stack.status.clone(),
        reason => format!("{}: {reason}", stack.status),
    };
    let detail = (state != State::Ready).then_some(status).or(doubt);
    let differs = match (layout, state) {
        (Some(layout), State::Ready) => differences(stack, layout),
        _ => Vec::new(),
    };
    let observed = Observed {
        state,
        owner,
        differs,
        outputs: outputs(stack),
        detail,
        unused: true,
    };
    (observed, tags)
}

/// Reads what there is of the stack.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: Option<&StackLayout>,
) -> Result<Observed> {
    Ok(match stacks::describe(client, cx, &resource.name).await? {
        None => Observed::missing(),
        Some(stack) => describe(&stack, layout).0,
    })
}

/// Returns the stack's own tags, and those that say whose everything in it is: CloudFormation puts them on all that it makes.
fn tag_parameters(tags: &Tags) -> Vec<(String, String)> {
    let mut pairs: Vec<(&str, String)> = tags.to_pairs();
    pairs.push((TEMPLATE_TAG, template_digest()));
    let mut parameters = Vec::new();
    for (at, (key, value)) in pairs.into_iter().enumerate() {
        parameters.push((format!("Tags.member.{}.Key", at + 1), key.to_owned()));
        parameters.push((format!("Tags.member.{}.Value", at + 1), value));
    }
    parameters
}

fn stack_parameters(
    resource: &Resource,
    layout: &StackLayout,
    tags: &Tags,
) -> Vec<(String, String)> {
    let mut all = vec![
        ("StackName".to_owned(), resource.name.clone()),
        ("TemplateBody".to_owned(), TEMPLATE.to_owned()),
        (
            "Capabilities.member.1".to_owned(),
            "CAPABILITY_IAM".to_owned(),
        ),
    ];
    let parameters = parameters(&resource.cluster, layout).into_iter();
    for (at, (key, value)) in parameters.enumerate() {
        let member = format!("Parameters.member.{}", at + 1);
        all.push((format!("{member}.ParameterKey"), key.to_owned()));
        all.push((format!("{member}.ParameterValue"), value));
    }
    all.extend(tag_parameters(tags));
    all
}

/// Brings the stack about.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    layout: &StackLayout,
) -> Result<(Change, Outputs)> {
    let name = &resource.name;
    let mut change = Change::Unchanged;
    loop {
        let Some(stack) = stacks::describe(client, cx, name).await? else {
            let tags = tagged::for_new(cx, &resource.cluster, layout.lifetime, &Known::new());
            let parameters = stack_parameters(resource, layout, &tags);
            match stacks::call(client, cx, "CreateStack", &parameters).await {
                // An answer that was lost: it is there.
                Err(trouble) if trouble.is(&["AlreadyExistsException"]) => {}
                Err(trouble) => {
                    return Err(
                        Error::from(trouble).context(format!("cannot create stack \"{name}\""))
                    );
                }
                Ok(()) => {}
            }
            change = match change {
                Change::Unchanged => Change::Made,
                change => change,
            };
            wait(cx, &format!("creating stack {name}")).await?;
            continue;
        };
        if tagged::judge(&stack.tags).0 == Owner::Foreign {
            return Err(taken(name));
        }
        match phase(&stack) {
            Phase::Busy => {
                if change == Change::Unchanged {
                    change = Change::Updated;
                }
                wait(cx, &format!("waiting for stack {name}: {}", stack.status)).await?;
            }
            Phase::Deleting => {
                wait(cx, &format!("waiting until the old stack {name} is gone")).await?;
            }
            Phase::Unmade if change == Change::Made || change == Change::Removed => {
                return Err(explain(client, cx, &stack, "create").await);
            }
            Phase::Unmade | Phase::Stuck => {
                cx.progress.say(format!(
                    "stack {name} was left half made ({}): making it again",
                    stack.status
                ));
                removal::remove(client, cx, &resource.cluster, stack).await?;
                // What is made in its place is no new thing.
                change = Change::Removed;
            }
            Phase::Broken => return Err(explain(client, cx, &stack, "change").await),
            Phase::Ready => {
                let differs = differences(&stack, layout);
                if let Some(fixed) = differs.iter().find(|it| !it.changeable) {
                    return Err(Error::new(
                        Fault::Invalid,
                        format!("the network of cluster {} is not as wanted, and cannot be changed", resource.cluster),
                    )
                    .cause(format!("{}: {} is wanted, {} is there", fixed.field, fixed.wanted, fixed.found))
                    .hint("take the settings back to what is there")
                    .hint(format!("or begin anew: windlass destroy aws --cluster {}, then the same command again", resource.cluster)));
                }
                if differs.is_empty() {
                    let change = match change {
                        Change::Removed => Change::Updated,
                        change => change,
                    };
                    return Ok((change, outputs(&stack)));
                }
                if change == Change::Updated && stack.status == "UPDATE_ROLLBACK_COMPLETE" {
                    return Err(explain(client, cx, &stack, "change").await);
                }
                let tags = again(cx, &resource.cluster, &stack.tags, layout.lifetime);
                let parameters = stack_parameters(resource, layout, &tags);
                match stacks::call(client, cx, "UpdateStack", &parameters).await {
                    Ok(()) => {}
                    // Another call of ours was answered to nobody.
                    Err(trouble) if is_busy(&trouble) => {}
                    Err(trouble) => {
                        return Err(
                            Error::from(trouble).context(format!("cannot change stack \"{name}\""))
                        );
                    }
                }
                change = Change::Updated;
                wait(cx, &format!("changing stack {name}")).await?;
            }
        }
    }
}

/// Returns the tags of something that was made before, with a new end.
pub(crate) fn again(cx: &Ctx, cluster: &ClusterName, there: &Pairs, lifetime: Option<u64>) -> Tags {
    let mut times = Outputs::new();
    tagged::put_times(&mut times, there);
    let fresh = tagged::for_new(cx, cluster, lifetime, &Known::new());
    let created = Tags::from_pairs(there)
        .ok()
        .flatten()
        .map(|tags| tags.created);
    let created = created.unwrap_or(fresh.created);
    let lived = fresh.expires.map(|end| end.duration_since(fresh.created));
    Tags {
        created,
        expires: lived.map(|lived| created.checked_add(lived).unwrap_or(jiff::Timestamp::MAX)),
        ..fresh
    }
}

fn is_busy(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Refused(refusal)
        if refusal.code == "ValidationError" && refusal.message.contains("_IN_PROGRESS"))
}

async fn wait(cx: &Ctx, what: &str) -> Result<()> {
    cx.progress.say(what);
    pause(cx, what, POLL).await
}

fn taken(name: &str) -> Error {
    Error::new(
        Fault::Conflict,
        format!("a stack \"{name}\" is there, and windlass did not make it"),
    )
    .hint("choose another name with --cluster, or remove that stack yourself")
}

/// Says why a stack is as it is, by its events.
async fn explain(client: &Client, cx: &Ctx, stack: &Stack, what: &str) -> Error {
    let error = |fault| Error::new(fault, format!("cannot {what} stack \"{}\"", stack.name));
    let events = match stacks::failures(client, cx, &stack.id).await {
        Ok(events) => events,
        Err(why) => {
            return error(Fault::Failed)
                .cause(format!("{}: {}", stack.status, stack.reason))
                .cause(format!("its events cannot be read: {}", why.to_line()));
        }
    };
    let told: Vec<String> = events
        .iter()
        .map(|event| match event.physical.as_str() {
            "" => format!("{} ({}): {}", event.logical, event.kind, event.reason),
            id => format!("{} ({} {id}): {}", event.logical, event.kind, event.reason),
        })
        .collect();
    let all = told.join(" ");
    let any = |words: &[&str]| words.iter().any(|word| all.contains(word));
    let fault = if any(&[
        "LimitExceeded",
        "limit has been reached",
        "maximum number of",
    ]) {
        Fault::Quota
    } else if any(&["AccessDenied", "not authorized", "UnauthorizedOperation"]) {
        Fault::Denied
    } else {
        Fault::Failed
    };
    let error = match told.is_empty() {
        true => error(fault).cause(format!("{}: {}", stack.status, stack.reason)),
        false => told.into_iter().fold(error(fault), Error::cause),
    };
    match fault {
        Fault::Quota => error.hint(format!(
            "ask for more, or remove what is not needed: https://{}.console.aws.amazon.com/servicequotas/home/services/vpc/quotas",
            client.region()
        )),
        Fault::Denied => error.hint("allow what it names: templates/aws/policy.json holds all that windlass needs"),
        _ => error.hint("mend what it names, and run the same command again"),
    }
}
