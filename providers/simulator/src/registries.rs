//! Stand-ins for what tells which versions there are: OCI registries with their tokens for everyone, indexes of Helm repositories,
//! and GitHub's releases. Facts: <https://github.com/opencontainers/distribution-spec>,
//! <https://distribution.github.io/distribution/spec/auth/token/>, <https://helm.sh/docs/topics/chart_repository/>.
//!
//! Charts themselves are fetched by Flux's reactors and not from here.

use crate::{charts, ground::Ground, ground::digest, manifests};
use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// So few that clients follow links, as with the many tags of real charts.
const TAGS_A_PAGE: usize = 1;

/// Answers a GET of `https://HOST/PATH?QUERY`; `place` is HOST/PATH.
pub(crate) fn answer(
    ground: &Ground,
    place: &str,
    query: &str,
    headers: &HeaderMap,
) -> Response<Body> {
    let (host, path) = place.split_once('/').unwrap_or((place, ""));
    let value = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(key, _)| *key == name)?;
        Some(value.replace("%3A", ":").replace("%2F", "/"))
    };
    if host == "api.github.com" {
        return releases(path);
    }
    if path == "token" {
        let scope = value("scope").unwrap_or_default();
        return whole(
            StatusCode::OK,
            &json!({"token": token(host, &scope), "expires_in": 300}),
        );
    }
    if let Some(name) = path
        .strip_prefix("v2/")
        .and_then(|rest| rest.strip_suffix("/tags/list"))
    {
        let scope = format!("repository:{name}:pull");
        let wanted = format!("Bearer {}", token(host, &scope));
        if headers.get(header::AUTHORIZATION).map(|it| it.as_bytes()) != Some(wanted.as_bytes()) {
            let mut refused = fault(
                StatusCode::UNAUTHORIZED,
                "UNAUTHORIZED",
                "authentication required",
            );
            let challenge = format!(
                "Bearer realm=\"https://{host}/token\",service=\"{host}\",scope=\"{scope}\""
            );
            link(&mut refused, header::WWW_AUTHENTICATE, &challenge);
            return refused;
        }
        return tags(ground, host, name, value("last").as_deref());
    }
    match path.strip_suffix("/index.yaml") {
        Some(rest) => index(ground, &format!("https://{host}/{rest}")),
        None => nothing(),
    }
}

/// Returns a token that is good for a scope at a registry.
fn token(host: &str, scope: &str) -> String {
    digest(&format!("{host} {scope}"))
}

fn tags(ground: &Ground, host: &str, name: &str, last: Option<&str>) -> Response<Body> {
    let url = format!("oci://{host}/{name}");
    let lacks = |chart: &charts::Chart| ground.lacks(chart);
    let mut all: Vec<&str> = charts::at_url(&url, &lacks)
        .map(|chart| chart.version.as_str())
        .collect();
    if all.is_empty() {
        let message = "repository name not known to registry";
        return fault(StatusCode::NOT_FOUND, "NAME_UNKNOWN", message);
    }
    // In the order of the alphabet, as registries give them.
    all.sort_unstable();
    let left: Vec<&str> = all
        .into_iter()
        .filter(|tag| last.is_none_or(|last| *tag > last))
        .collect();
    let page = &left[..left.len().min(TAGS_A_PAGE)];
    let mut answer = whole(StatusCode::OK, &json!({"name": name, "tags": page}));
    if let (true, Some(last)) = (left.len() > page.len(), page.last()) {
        let next = format!("</v2/{name}/tags/list?n={TAGS_A_PAGE}&last={last}>; rel=\"next\"");
        link(&mut answer, header::LINK, &next);
    }
    answer
}

fn index(ground: &Ground, repository: &str) -> Response<Body> {
    let Some(charts) = charts::index(repository, &|chart| ground.lacks(chart)) else {
        return nothing();
    };
    let mut entries = json!({});
    for chart in charts {
        let (name, version) = (&chart.name, &chart.version);
        let entry = json!({
            "apiVersion": "v2", "name": name, "version": version, "appVersion": chart.app_version,
            "urls": [format!("{name}-{version}.tgz")],
        });
        match entries[name].as_array_mut() {
            Some(versions) => versions.push(entry),
            None => entries[name] = json!([entry]),
        }
    }
    let index = json!({"apiVersion": "v1", "entries": entries, "generated": ground.clock.now()});
    let text = serde_saphyr::to_string::<Value>(&index).unwrap_or_default();
    respond(StatusCode::OK, "text/yaml", text)
}

fn releases(path: &str) -> Response<Body> {
    let project = path
        .strip_prefix("repos/")
        .and_then(|rest| rest.strip_suffix("/releases"));
    match project.and_then(manifests::releases) {
        Some(tags) => {
            let releases = tags
                .iter()
                .map(|tag| json!({"tag_name": tag, "draft": false}));
            whole(StatusCode::OK, &releases.collect())
        }
        None => whole(
            StatusCode::NOT_FOUND,
            &json!({"message": "Not Found", "status": "404"}),
        ),
    }
}

/// Refuses as registries do.
fn fault(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    whole(
        status,
        &json!({"errors": [{"code": code, "message": message, "detail": null}]}),
    )
}

/// Refuses with a status alone.
pub(crate) fn refuse(code: u16) -> Response<Body> {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    fault(status, "UNAVAILABLE", "a rehearsed fault")
}

fn nothing() -> Response<Body> {
    respond(
        StatusCode::NOT_FOUND,
        "text/plain",
        "404: Not Found".to_owned(),
    )
}

fn whole(status: StatusCode, value: &Value) -> Response<Body> {
    respond(status, "application/json", value.to_string())
}

fn respond(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn link(response: &mut Response<Body>, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;
    use http::{HeaderMap, HeaderValue};
    use serde_json::Value;

    async fn get(stage: &Stage, place: &str, query: &str, token: &str) -> (u16, Value, String) {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(token).unwrap());
        let answer = super::answer(&stage.world.ground(), place, query, &headers);
        let status = answer.status().as_u16();
        let hint = ["www-authenticate", "link"].map(|name| answer.headers().get(name).cloned());
        let hint = hint.into_iter().flatten().next();
        let hint = hint.map_or(String::new(), |it| it.to_str().unwrap().to_owned());
        let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX)
            .await
            .unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        (
            status,
            serde_saphyr::from_str(&text).unwrap_or_default(),
            hint,
        )
    }

    #[tokio::test]
    async fn tags_are_told_by_the_page_to_those_with_a_token() {
        let stage = Stage::open().await;
        let list = "ghcr.io/v2/traefik/helm/traefik/tags/list";
        let (status, _, challenge) = get(&stage, list, "", "").await;
        assert_eq!(status, 401);
        let scope = "repository:traefik/helm/traefik:pull";
        assert_eq!(
            challenge,
            format!("Bearer realm=\"https://ghcr.io/token\",service=\"ghcr.io\",scope=\"{scope}\"")
        );
        let query = format!("service=ghcr.io&scope={}", scope.replace(':', "%3A"));
        let (_, given, _) = get(&stage, "ghcr.io/token", &query, "").await;
        let token = format!("Bearer {}", given["token"].as_str().unwrap());
        let (status, page, next) = get(&stage, list, "n=100", &token).await;
        assert_eq!(
            (status, &page["tags"]),
            (200, &serde_json::json!(["39.0.0"]))
        );
        assert!(next.contains("last=39.0.0>; rel=\"next\""), "{next}");
        let (_, page, next) = get(&stage, list, "n=1&last=39.0.0", &token).await;
        assert_eq!(
            (&page["tags"][0], next.as_str()),
            (&Value::from("41.3.0"), "")
        );
        let other = "ghcr.io/v2/traefik/helm/other/tags/list";
        assert_eq!(get(&stage, other, "", &token).await.0, 401);
    }

    #[tokio::test]
    async fn repositories_have_an_index_and_projects_their_releases() {
        let stage = Stage::open().await;
        let place = "charts.crossplane.io/stable/index.yaml";
        let (status, index, _) = get(&stage, place, "", "").await;
        assert_eq!(status, 200);
        assert_eq!(index["entries"]["crossplane"][0]["version"], "2.3.4");
        assert_eq!(
            get(&stage, "charts.crossplane.io/index.yaml", "", "")
                .await
                .0,
            404
        );
        let releases = "api.github.com/repos/fluxcd/flux2/releases";
        let (_, releases, _) = get(&stage, releases, "per_page=100", "").await;
        assert_eq!(releases[0]["tag_name"], "v2.9.4");
        let none = "api.github.com/repos/fluxcd/flux/releases";
        assert_eq!(get(&stage, none, "", "").await.0, 404);
    }
}
