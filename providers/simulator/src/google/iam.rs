//! Service accounts, and policies.

use super::{
    Fault, Outcome, Query,
    account::{ACCOUNT, Cx, show, text},
    page, projects,
};
use serde_json::{Value, json};

pub(super) fn act(cx: &Cx<'_>, call: &str, at: &[&str], body: &Value) -> Outcome {
    let project = at[0];
    cx.enabled(project, "iam")?;
    let find = || {
        cx.get(ACCOUNT, project, at[1]).ok_or_else(|| {
            Fault::missing(format!(
                "Unknown service account: projects/{project}/serviceAccounts/{}",
                at[1]
            ))
        })
    };
    match call {
        "serviceAccounts.create" => create(cx, project, body),
        "serviceAccounts.list" => {
            let all = cx.under(ACCOUNT, project, "");
            page(
                all.iter().map(|it| show(&it.body)).collect(),
                "accounts",
                &Query::new(),
                "pageSize",
            )
        }
        "serviceAccounts.get" => Ok(show(&find()?.body)),
        "serviceAccounts.patch" => {
            let mut account = find()?;
            if body["updateMask"].as_str().is_none_or(str::is_empty) {
                return Err(Fault::invalid("update_mask is required"));
            }
            for field in body["updateMask"].as_str().unwrap_or_default().split(',') {
                if !["description", "displayName", "display_name"].contains(&field) {
                    return Err(Fault::invalid(format!("{field} cannot be changed")));
                }
                account.body[field] = body["serviceAccount"][field].clone();
            }
            described(&account.body)?;
            cx.put(account.clone());
            Ok(show(&account.body))
        }
        "serviceAccounts.delete" => {
            let account = find()?;
            cx.remove(&account);
            forget(cx, project, &account.id, text(&account, "uniqueId"));
            Ok(json!({}))
        }
        "serviceAccounts.getIamPolicy" => Ok(find()?.body["-policy"].clone()),
        _ => {
            let mut account = find()?;
            let policy = replace(cx, project, &account.body["-policy"], &body["policy"])?;
            account.body["-policy"] = policy.clone();
            cx.put(account);
            Ok(policy)
        }
    }
}

fn described(account: &Value) -> Result<(), Fault> {
    let long = |key: &str, most: usize| account[key].as_str().is_some_and(|it| it.len() > most);
    match long("description", 256) || long("displayName", 100) {
        true => Err(Fault::invalid(
            "The description or the display name is too long.",
        )),
        false => Ok(()),
    }
}

fn create(cx: &Cx<'_>, project: &str, body: &Value) -> Outcome {
    let id = body["accountId"].as_str().unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let good = (6..=30).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && !id.ends_with('-')
        && id.bytes().all(plain);
    if !good {
        return Err(Fault::invalid(format!(
            "Invalid service account ID \"{id}\": it must match [a-z]([-a-z0-9]*[a-z0-9]) and have 6 to 30 characters."
        )));
    }
    let email = format!("{id}@{project}.iam.gserviceaccount.com");
    if cx.get(ACCOUNT, project, &email).is_some() {
        return Err(Fault::exists(format!(
            "Service account {id} already exists within project projects/{project}."
        )));
    }
    described(&body["serviceAccount"])?;
    let unique = u64::from_str_radix(&cx.ground.mint(&email)[..15], 16).unwrap_or_default();
    let made = json!({
        "name": format!("projects/{project}/serviceAccounts/{email}"), "projectId": project, "email": email,
        "uniqueId": format!("1{unique:020}"), "displayName": body["serviceAccount"]["displayName"],
        "description": body["serviceAccount"]["description"], "etag": "MDEwMjE5MjA=", "-policy": {"etag": "ACAB"},
    });
    let account = cx.make(ACCOUNT, project, &email, made);
    Ok(show(&account.body))
}

/// Policies keep an account that is gone, as one that was deleted.
fn forget(cx: &Cx<'_>, project: &str, email: &str, unique: &str) {
    let Ok(mut project) = cx.project(project) else {
        return;
    };
    let own = format!("serviceAccount:{email}");
    for binding in project.body["-policy"]["bindings"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        for member in binding["members"].as_array_mut().into_iter().flatten() {
            if *member == own {
                *member = json!(format!("deleted:{own}?uid={unique}"));
            }
        }
    }
    cx.put(project);
}

/// Checks a policy that is to take the place of another, and returns it (<https://cloud.google.com/iam/docs/reference/rest/v1/Policy>).
pub(super) fn replace(cx: &Cx<'_>, project: &str, there: &Value, wanted: &Value) -> Outcome {
    let etag = &wanted["etag"];
    if !etag.is_null() && *etag != there["etag"] {
        let message = "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.";
        return Err(Fault::new(409, "ABORTED", message));
    }
    let bindings = wanted["bindings"].as_array().cloned().unwrap_or_default();
    for binding in &bindings {
        let role = binding["role"].as_str().unwrap_or_default();
        if !role.starts_with("roles/") && !role.contains("/roles/") {
            return Err(Fault::invalid(format!(
                "Role {role} is not supported for this resource."
            )));
        }
        for member in binding["members"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            check(cx, project, member)?;
        }
    }
    let kept: Vec<Value> = bindings
        .into_iter()
        .filter(|it| it["members"].as_array().is_some_and(|it| !it.is_empty()))
        .collect();
    let etag = format!("Bw{}", &cx.ground.mint("policy")[..10]);
    let version = wanted["version"].as_u64().unwrap_or(1);
    Ok(json!({"version": version, "etag": etag, "bindings": kept}))
}

fn check(cx: &Cx<'_>, project: &str, member: &str) -> Result<(), Fault> {
    if member.starts_with("deleted:") {
        return Ok(());
    }
    let Some(account) = member.strip_prefix("serviceAccount:") else {
        let known = ["user:", "group:", "domain:", "principal:", "principalSet:"];
        let good = known.iter().any(|it| member.starts_with(it))
            || ["allUsers", "allAuthenticatedUsers"].contains(&member);
        return match good {
            true => Ok(()),
            false => Err(Fault::invalid(format!("Invalid member {member}."))),
        };
    };
    if let Some((pool, _)) = account.split_once('[') {
        let owner = pool.strip_suffix(".svc.id.goog").unwrap_or_default();
        return match projects::has_pool(cx, owner) {
            true => Ok(()),
            false => Err(Fault::invalid(format!(
                "Identity Pool does not exist ({pool}). Please check that you specified a valid resource name as returned in the `name` attribute in the configuration API."
            ))),
        };
    }
    let of = account
        .split_once('@')
        .and_then(|it| it.1.strip_suffix(".iam.gserviceaccount.com"));
    match of {
        // Google's own, and those of projects elsewhere.
        None => Ok(()),
        Some(of) if of != project => Ok(()),
        Some(_) => match cx.get(ACCOUNT, project, account) {
            Some(_) => Ok(()),
            None => Err(Fault::invalid(format!(
                "Service account {account} does not exist."
            ))),
        },
    }
}
