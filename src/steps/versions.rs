//! Which versions of a component there are, as its registry, its repository or its project's releases tell everybody.
//!
//! Asked only where a version is in doubt. Nobody is stopped by an answer that does not come. Sources: the distribution
//! specification (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags>), its tokens
//! (<https://distribution.github.io/distribution/spec/auth/token/>), the index of chart repositories
//! (<https://helm.sh/docs/topics/chart_repository/#the-index-file>) and GitHub's releases.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, bail, ensure};
use http::{StatusCode, header};
use reqwest::Url;
use serde::Deserialize;
use windlass_provider::{Ctx, Error, Fault};

use super::web::{self, Answer};
use crate::catalog::{self, Component, Source};

/// How long the question may take, on the clock.
const LIMIT: Duration = Duration::from_secs(20);
/// How many pages of tags are read: at a hundred tags each, more than any chart has.
const PAGES: usize = 100;

/// Where the internet is: itself, or what stands in for it in a rehearsal.
#[derive(Clone, Debug, Default)]
pub struct Web(Option<String>);

impl Web {
    /// Returns one in which `https://HOST/PATH` is at `BASE/HOST/PATH`.
    #[must_use]
    pub fn stand_in(base: String) -> Self {
        Self(Some(base))
    }

    fn locate(&self, url: &str) -> anyhow::Result<String> {
        let rest = url
            .strip_prefix("https://")
            .with_context(|| format!("{url} is not asked: it is no https URL"))?;
        Ok(match &self.0 {
            None => url.to_owned(),
            Some(base) => format!("{base}/{rest}"),
        })
    }
}

/// Where the user says which version of a component is wanted.
#[derive(Clone, Debug, Default)]
pub enum Says {
    /// In windlass.toml.
    #[default]
    File,
    /// By `--version` of this command, written without it: "install traefik".
    Flag {
        /// The command.
        command: String,
        /// Whether other flags say something, too.
        others: bool,
    },
}

impl Says {
    /// Returns what to type for another version; `anew`: there is a plan that has the wrong one.
    fn instead(&self, component: &str, version: &str, anew: bool) -> String {
        let replan = if anew { " --replan" } else { "" };
        match self {
            Self::Flag { command, others } => {
                let same = if *others { ", with the same flags" } else { "" };
                format!("windlass {command} --version {version}{replan}{same}")
            }
            Self::File => {
                let write = format!(
                    "write version = \"{version}\" under [components.{component}] in windlass.toml"
                );
                match anew {
                    true => format!("{write}, and run the same command with --replan"),
                    false => write,
                }
            }
        }
    }
}

/// A version that is not where the component comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// The version.
    pub version: String,
    /// The nearest that is there.
    pub nearest: String,
    /// How many there are.
    known: usize,
}

impl Absent {
    /// Returns the hint that names the nearest version and what to type for it; `anew`: there is a plan that has the wrong one.
    #[must_use]
    pub fn hint(&self, says: &Says, component: &str, anew: bool) -> String {
        let Self {
            version, nearest, ..
        } = self;
        let instead = says.instead(component, nearest, anew);
        format!("{version} does not exist; the nearest is {nearest}: {instead}")
    }

    /// Returns where the version was looked for, as a fragment.
    #[must_use]
    pub fn looked(&self, component: &Component) -> String {
        let place = match &component.source {
            Source::Oci { oci } => oci,
            Source::Repository { repository, .. } => repository,
            Source::Manifest { manifest } => {
                manifest.split("/releases/").next().unwrap_or(manifest)
            }
            Source::Set { .. } => &component.name,
        };
        match self.known {
            1 => format!("{place} has one version, and not this one"),
            known => format!("{place} has {known} versions, and not this one"),
        }
    }
}

/// Returns what is known of a version that does not exist; `None` where it exists, or where nobody can tell.
pub async fn find_absent(
    cx: &Ctx,
    web: &Web,
    component: &Component,
    version: &str,
) -> Option<Absent> {
    let cx = &cx.within(LIMIT);
    let work = async {
        let listed = list(cx, web, component).await;
        listed.map_err(|error| Error::new(Fault::Unavailable, format!("{error:#}")))
    };
    let all = cx.bound("asking for versions", work).await.ok()?;
    let same = |known: &String| match &component.source {
        // An index is read with semver's eyes: "1.2.0" finds "v1.2.0".
        Source::Repository { .. } => catalog::is_same_version(known, version),
        _ => *known == version,
    };
    if all.iter().any(same) {
        return None;
    }
    let nearest = catalog::nearest_version(version, all.iter().map(String::as_str))?;
    Some(Absent {
        version: version.to_owned(),
        nearest: nearest.to_owned(),
        known: all.len(),
    })
}

/// Returns the versions of a component that there are, in no order.
async fn list(cx: &Ctx, web: &Web, component: &Component) -> anyhow::Result<Vec<String>> {
    match &component.source {
        Source::Oci { oci } => {
            let place = oci.strip_prefix("oci://").unwrap_or(oci);
            let (registry, name) = place.split_once('/').context("a chart without a name")?;
            let url = format!("https://{registry}/v2/{name}/tags/list?n=1000");
            tags(&mut Asker::new(cx, web, &url)?, url).await
        }
        Source::Repository { repository, chart } => {
            let url = format!("{}/index.yaml", repository.trim_end_matches('/'));
            let answer = Asker::new(cx, web, &url)?.get(&url).await?;
            from_index(&answer.body(&url)?, chart)
        }
        Source::Manifest { manifest } => {
            let (url, prefix) = releases_of(manifest).context("a manifest of no release")?;
            let answer = Asker::new(cx, web, &url)?.get(&url).await?;
            let releases: Vec<Release> = serde_json::from_slice(&answer.body(&url)?)?;
            let names = releases.iter().map(|release| &release.tag_name);
            let versions = names.filter_map(|name| name.strip_prefix(prefix));
            Ok(versions.map(str::to_owned).collect())
        }
        Source::Set { .. } => Ok(Vec::new()),
    }
}

#[derive(Deserialize)]
struct Release {
    tag_name: String,
}

/// Returns where a project's releases are told, by the URL of one's file, and what stands before a version in their names.
fn releases_of(manifest: &str) -> Option<(String, &str)> {
    let rest = manifest.strip_prefix("https://github.com/")?;
    let (project, file) = rest.split_once("/releases/download/")?;
    let (prefix, _) = file.split_once("${version}")?;
    let url = format!("https://api.github.com/repos/{project}/releases?per_page=100");
    Some((url, prefix))
}

#[derive(Deserialize)]
struct Index {
    entries: BTreeMap<String, Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    version: String,
}

fn from_index(body: &[u8], chart: &str) -> anyhow::Result<Vec<String>> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        // An index has all that was ever released.
        budget: serde_saphyr::budget! { max_events: 20_000_000, max_nodes: 10_000_000 },
    };
    let text = std::str::from_utf8(body).context("an index that is not UTF-8")?;
    let mut index: Index = serde_saphyr::from_str_with_options(text, options)?;
    let entries = index.entries.remove(chart).context("no such chart")?;
    Ok(entries.into_iter().map(|entry| entry.version).collect())
}

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

/// Reads all pages of a list of tags. Half a list would tell lies.
async fn tags(asker: &mut Asker<'_>, first: String) -> anyhow::Result<Vec<String>> {
    let mut url = first;
    let mut all = Vec::new();
    for _ in 0..PAGES {
        let answer = asker.get(&url).await?;
        let next = answer.headers.get(header::LINK);
        let next = next.and_then(|link| next_page(&url, link.to_str().ok()?));
        let page: Tags = serde_json::from_slice(&answer.body(&url)?)?;
        // A tag has no plus sign: Helm writes an underscore.
        let tags = page.tags.into_iter().flatten();
        all.extend(tags.map(|tag| tag.replace('_', "+")));
        match next {
            Some(next) => url = next,
            None => return Ok(all),
        }
    }
    bail!("there are too many tags")
}

/// Returns the URL of the next page, by a header such as `</v2/a/tags/list?last=b>; rel="next"`; another host has none.
fn next_page(url: &str, link: &str) -> Option<String> {
    let (target, relation) = link.strip_prefix('<')?.split_once('>')?;
    let url = Url::parse(url).ok()?;
    let next = url.join(target).ok()?;
    (relation.contains("next") && next.origin() == url.origin()).then(|| next.into())
}

/// Asks one host, with the token that it gives to everybody where it wants one.
struct Asker<'a> {
    cx: &'a Ctx,
    web: &'a Web,
    client: reqwest::Client,
    token: Option<String>,
}

impl<'a> Asker<'a> {
    fn new(cx: &'a Ctx, web: &'a Web, url: &str) -> anyhow::Result<Self> {
        Ok(Self {
            cx,
            web,
            client: web::connect(&web.locate(url)?)?,
            token: None,
        })
    }

    async fn get(&mut self, url: &str) -> anyhow::Result<Answer> {
        let place = self.web.locate(url)?;
        let answer = self.send(&place).await?;
        if answer.status != StatusCode::UNAUTHORIZED || self.token.is_some() {
            return Ok(answer);
        }
        let challenge = answer.headers.get(header::WWW_AUTHENTICATE);
        let challenge = challenge.and_then(|it| it.to_str().ok());
        self.token = Some(self.fetch_token(challenge.unwrap_or_default()).await?);
        self.send(&place).await
    }

    async fn send(&self, place: &str) -> anyhow::Result<Answer> {
        let token = (self.token.as_deref(), false);
        web::get(self.cx, &self.client, place, token).await
    }

    async fn fetch_token(&self, challenge: &str) -> anyhow::Result<String> {
        #[derive(Deserialize)]
        struct Token {
            #[serde(alias = "access_token")]
            token: String,
        }
        let url = token_url(challenge).context("it wants a credential")?;
        let place = self.web.locate(&url)?;
        let client = web::connect(&place)?;
        let answer = web::get(self.cx, &client, &place, (None, true)).await?;
        ensure!(answer.status.is_success(), "it gives no token to everybody");
        Ok(serde_json::from_slice::<Token>(&answer.body)?.token)
    }
}

/// Returns where a token is to be had, by a challenge such as `Bearer realm="https://…",service="…",scope="…"`.
fn token_url(challenge: &str) -> Option<String> {
    let mut realm = None;
    let mut asked = Vec::new();
    // No value of these has a quote or, but for a scope's actions, a comma in it.
    let mut rest = challenge.strip_prefix("Bearer ")?;
    while let Some((key, quoted)) = rest.split_once("=\"") {
        let (value, left) = quoted.split_once('"')?;
        match key.trim_start_matches([',', ' ']) {
            "realm" => realm = Some(value),
            key => asked.push((key.to_owned(), value.to_owned())),
        }
        rest = left;
    }
    let mut url = Url::parse(realm?).ok()?;
    let known = |(key, _): &(String, String)| key == "service" || key == "scope";
    url.query_pairs_mut()
        .extend_pairs(asked.into_iter().filter(known));
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_tells_where_a_token_is() {
        let challenge = "Bearer realm=\"https://ghcr.io/token\",service=\"ghcr.io\",scope=\"repository:a/b:pull,push\"";
        assert_eq!(
            token_url(challenge).unwrap(),
            "https://ghcr.io/token?service=ghcr.io&scope=repository%3Aa%2Fb%3Apull%2Cpush"
        );
        assert_eq!(token_url("Basic realm=\"x\""), None);
        assert_eq!(token_url("Bearer error=\"denied\""), None);
    }

    #[test]
    fn pages_are_followed_on_their_host_alone() {
        let url = "https://ghcr.io/v2/a/tags/list?n=1000";
        assert_eq!(
            next_page(url, "</v2/a/tags/list?n=100&last=b>; rel=\"next\"").unwrap(),
            "https://ghcr.io/v2/a/tags/list?n=100&last=b"
        );
        assert_eq!(
            next_page(url, "<https://evil.example/v2>; rel=\"next\""),
            None
        );
        assert_eq!(next_page(url, "</v2/a>; rel=\"prev\""), None);
    }

    #[test]
    fn an_index_is_read_for_one_chart() {
        let text = b"apiVersion: v1\nentries:\n  a:\n  - version: 1.2.0\n    urls: [x]\n  - version: 1.10\n  b:\n  - version: v3.0.0\n";
        assert_eq!(from_index(text, "a").unwrap(), ["1.2.0", "1.10"]);
        assert!(from_index(text, "c").is_err());
        assert!(from_index(b"<html>", "a").is_err());
    }

    #[test]
    fn only_https_is_asked() {
        let web = Web::default();
        assert!(web.locate("http://ghcr.io/v2").is_err());
        let web = Web::stand_in("http://127.0.0.1:1/registries".to_owned());
        assert_eq!(
            web.locate("https://ghcr.io/v2").unwrap(),
            "http://127.0.0.1:1/registries/ghcr.io/v2"
        );
        let manifest = "https://github.com/fluxcd/flux2/releases/download/v${version}/install.yaml";
        let (url, prefix) = releases_of(manifest).unwrap();
        assert_eq!(
            url,
            "https://api.github.com/repos/fluxcd/flux2/releases?per_page=100"
        );
        assert_eq!(prefix, "v");
    }

    #[test]
    fn what_to_type_is_said_where_the_version_was() {
        let absent = Absent {
            version: "99.0.0".into(),
            nearest: "41.3.0".into(),
            known: 2,
        };
        let flag = |others| Says::Flag {
            command: "install traefik".into(),
            others,
        };
        let begin = "99.0.0 does not exist; the nearest is 41.3.0: ";
        for (says, anew, end) in [
            (
                flag(false),
                false,
                "windlass install traefik --version 41.3.0",
            ),
            (
                flag(true),
                true,
                "windlass install traefik --version 41.3.0 --replan, with the same flags",
            ),
            (
                Says::File,
                true,
                "write version = \"41.3.0\" under [components.traefik] in windlass.toml, and run the same command with --replan",
            ),
        ] {
            assert_eq!(absent.hint(&says, "traefik", anew), format!("{begin}{end}"));
        }
    }
}
