//! What `doctor` looks at besides what a provider's preflight does: programs, the way to the internet, folders and PATH.
//! Nothing here changes anything, and nothing is an error: what cannot be looked at is a finding.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    time::Duration,
};

use hyper_util::client::proxy::matcher::Matcher;
use windlass_provider::{Check, Ctx, Error, Fault, Verdict};

use super::web::{connect, is_loopback, trace};

/// How long a server on the internet may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How much free space the journal and the files of a run want, in bytes: each is small, and a full disk stops a run.
const SPACE: u64 = 16 << 20;

/// Looks on `path`, the value of PATH, for `each` of some programs and for one of others; `advise` says how to get one.
#[must_use]
pub fn check_programs(
    each: &[&str],
    one_of: &[&str],
    path: &OsStr,
    advise: impl Fn(&str) -> Vec<String>,
) -> Vec<Check> {
    let here = std::env::current_dir().unwrap_or_default();
    let find = |name: &str| which::which_in(name, Some(path), &here).ok();
    let found = |name: &str, at: &Path| {
        let detail = at.display().to_string();
        Check::new(format!("program {name}"), Verdict::Passed, detail)
    };
    let missing = |name: &str| {
        let check = Check::new(
            format!("program {name}"),
            Verdict::Failed,
            format!("{name} is not installed, or not on PATH"),
        );
        advise(name).into_iter().fold(check, Check::hint)
    };
    let mut checks: Vec<Check> = each
        .iter()
        .map(|name| find(name).map_or_else(|| missing(name), |at| found(name, &at)))
        .collect();
    let choices: Vec<_> = one_of.iter().map(|name| (*name, find(name))).collect();
    let any = choices.iter().any(|(_, at)| at.is_some());
    match choices.first() {
        Some((first, _)) if !any => {
            let mut check = missing(first);
            if let [_, _, ..] = one_of {
                check.name = format!("program {}", one_of.join(" or "));
                check.detail = format!("none of {} is installed and on PATH", one_of.join(", "));
            }
            checks.push(check);
        }
        _ => checks.extend(choices.into_iter().map(|(name, at)| match at {
            Some(at) => found(name, &at),
            None => Check::new(
                format!("program {name}"),
                Verdict::Skipped,
                "not installed: another serves",
            ),
        })),
    }
    checks
}

/// Says through which proxy a URL is reached. `variable` reads the environment; a password in it is never shown.
#[must_use]
pub fn check_proxy(url: &str, variable: impl Fn(&str) -> Option<String>) -> Check {
    let check = |verdict, detail: String| Check::new("proxy", verdict, detail);
    let first = |names: &[&'static str]| {
        names
            .iter()
            .find_map(|name| Some((*name, variable(name).filter(|value| !value.is_empty())?)))
    };
    let Ok(uri) = url.parse::<http::Uri>() else {
        return check(Verdict::Skipped, format!("{url} is on no network"));
    };
    let host = uri.host().unwrap_or_default();
    if is_loopback(url) {
        return check(
            Verdict::Skipped,
            format!("{host} is this machine: no proxy is used"),
        );
    }
    let names: &[&'static str] = match uri.scheme_str() {
        Some("http") => &["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"],
        _ => &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
    };
    let Some((name, proxy)) = first(names) else {
        return check(
            Verdict::Passed,
            format!("none is set: {host} is asked directly"),
        );
    };
    let matcher = |exempt: String| Matcher::builder().all(&*proxy).no(exempt).build();
    let Some(used) = matcher(String::new()).intercept(&uri) else {
        // The value may hold a password: only the variable is named.
        return check(Verdict::Failed, format!("the value of {name} is not a URL")).hint(format!(
            "set it to one such as http://proxy.example.org:3128: export {name}=…"
        ));
    };
    let exempt = first(&["NO_PROXY", "no_proxy"]);
    if let Some((exempting, value)) = exempt
        && matcher(value).intercept(&uri).is_none()
    {
        return check(
            Verdict::Passed,
            format!("{exempting} exempts {host} from {name}: it is asked directly"),
        );
    }
    let at = used
        .uri()
        .authority()
        .map(|authority| authority.as_str().rsplit('@').next().unwrap_or_default())
        .unwrap_or_default();
    check(
        Verdict::Passed,
        format!("{host} is asked through {at}, which {name} names"),
    )
}

/// Asks whether a manifest can be had: of the server one HEAD, of a file whether it is there.
pub async fn check_manifest(cx: &Ctx, location: &str) -> Check {
    let name = "network";
    let closed = "behind a proxy, set HTTPS_PROXY; without the internet, give setup the manifest: --flux-manifest FILE";
    if !location.starts_with("http://") && !location.starts_with("https://") {
        return match Path::new(location).is_file() {
            true => Check::new(name, Verdict::Passed, format!("not needed: {location}")),
            false => Check::new(
                name,
                Verdict::Failed,
                format!("there is no file {location}, which is to be Flux's manifest"),
            )
            .hint("name one that is there: --flux-manifest FILE"),
        };
    }
    let ask = async {
        let began = cx.clock.now();
        let answer = async { anyhow::Ok(connect(location)?.head(location).send().await?.status()) };
        let answer = answer.await;
        let told = answer.as_ref().map(|status| (status.as_u16(), &[][..]));
        let told = told.map_err(|error| format!("{error:#}"));
        trace(cx, "HEAD", location, began, told);
        answer.map_err(|error| {
            let mut fault = Error::new(Fault::Unavailable, format!("cannot reach {location}"));
            fault.causes = error.chain().map(ToString::to_string).collect();
            fault
        })
    };
    let asked = cx
        .within(ANSWER)
        .bound(&format!("asking {location}"), ask)
        .await;
    match asked {
        // Who does not know HEAD is there all the same.
        Ok(status) if !status.is_client_error() || status.as_u16() == 405 => {
            if status.is_server_error() {
                let detail = format!("{location} answers {status}");
                return Check::new(name, Verdict::Warning, detail).hint("try again in a while");
            }
            Check::new(name, Verdict::Passed, format!("{location} answers"))
        }
        Ok(status) => Check::new(
            name,
            Verdict::Failed,
            format!("{location} answers {status}"),
        )
        .hint(closed),
        Err(error) => Check::new(name, Verdict::Failed, error.to_line()).hint(closed),
    }
}

/// Looks whether `folder`, or where it is missing the nearest one above it, can be written to, and has space. `name` says
/// what it is for.
#[must_use]
pub fn check_folder(name: &str, folder: &Path) -> Check {
    let shown = folder.display();
    let Some(there) = folder.ancestors().find(|path| path.exists()) else {
        return Check::new(name, Verdict::Failed, format!("{shown} is nowhere"))
            .hint("change to a folder that exists");
    };
    if !there.is_dir() {
        return Check::new(
            name,
            Verdict::Failed,
            format!("{} is not a folder", there.display()),
        )
        .hint(format!("move it away: {}", there.display()));
    }
    use rustix::fs::{Access, access, statvfs};
    if let Err(error) = access(there, Access::WRITE_OK | Access::EXEC_OK) {
        return Check::new(
            name,
            Verdict::Failed,
            format!("{shown} cannot be written to: {error}"),
        )
        .hint(format!("see whose it is: ls -ld {}", there.display()));
    }
    match statvfs(there) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let detail = format!(
                "{shown} can be written to; {:.1} GiB are free",
                free as f64 / f64::from(1 << 30)
            );
            match free < SPACE {
                true => Check::new(name, Verdict::Failed, detail)
                    .hint("free some space: a run's journal is written here"),
                false => Check::new(name, Verdict::Passed, detail),
            }
        }
        Err(error) => Check::new(
            name,
            Verdict::Skipped,
            format!("cannot tell how much space is free in {shown}: {error}"),
        ),
    }
}

/// Looks whether `path`, the value of PATH, leads to this very program: kubeconfigs call it.
#[must_use]
pub fn check_path(path: Option<&OsString>, own: &Path) -> Check {
    let name = "PATH";
    let Some(path) = path.filter(|path| !path.is_empty()) else {
        return Check::new(
            name,
            Verdict::Warning,
            "PATH is not set: no program is found",
        )
        .hint("set it: export PATH=/usr/local/bin:/usr/bin:/bin");
    };
    let here = std::env::current_dir().unwrap_or_default();
    let own = own.canonicalize().unwrap_or_else(|_| own.to_owned());
    match which::which_in("windlass", Some(path), here) {
        Ok(found) if found.canonicalize().is_ok_and(|found| found == own) => Check::new(
            name,
            Verdict::Passed,
            "it leads to this windlass, which kubeconfigs call",
        ),
        Ok(found) => Check::new(
            name,
            Verdict::Warning,
            format!(
                "it leads to another windlass: {} (this one is {})",
                found.display(),
                own.display()
            ),
        )
        .hint(format!("remove the other one: {}", found.display())),
        Err(_) => Check::new(
            name,
            Verdict::Passed,
            format!(
                "it does not lead to windlass: kubeconfigs call it as {}",
                own.display()
            ),
        ),
    }
}

#[cfg(test)]
mod tests;
