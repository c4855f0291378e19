//! The way of a request over HTTP: who asks, for what, whether they may, and what comes back.

use super::{
    auth::{self, User},
    convert,
    decode::{self, Media},
    delete::{self, DeleteOptions, Deleted},
    discovery,
    kinds::{Kind, Origin},
    list, parts,
    request::{Accepted, Request},
    respond::{self, Reply},
    reviews,
    route::{Target, route, selector_of, verb_of},
    server::ApiServer,
    state::State,
    status::{Cause, Status},
    table, watch,
    write::{self, Patch, WriteOptions, Written},
};
use axum::body::Body;
use http::Response;
use serde_json::{Value, json};
use std::sync::Arc;

/// The largest body that the real server takes, in bytes.
const LIMIT: usize = 3 * 1024 * 1024;

/// An answer with warnings.
pub(super) struct Answer {
    pub(super) reply: Reply,
    pub(super) warnings: Vec<String>,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self {
            reply,
            warnings: Vec::new(),
        }
    }
}

impl ApiServer {
    /// Answers one request; a path prefix is already stripped ("/api/v1/…").
    pub async fn handle(self: &Arc<Self>, request: http::Request<Body>) -> Response<Body> {
        let mut response = self.carry_out(request).await;
        self.stamp(&mut response);
        response
    }

    /// Says in an answer what the server's clock shows; and that nobody is to keep it, as the real server says of all
    /// (<https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/filters/cachecontrol.go>): to a client whose clock is behind,
    /// kubectl's, an answer from its future would stay fresh for ever.
    pub(crate) fn stamp(&self, response: &mut Response<Body>) {
        let now = self.settings.now.now();
        let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let headers = response.headers_mut();
        if let Ok(date) = http::HeaderValue::from_str(&date) {
            headers.insert(http::header::DATE, date);
        }
        let nobody = http::HeaderValue::from_static("no-cache, private");
        headers.insert(http::header::CACHE_CONTROL, nobody);
    }

    async fn carry_out(self: &Arc<Self>, request: http::Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let Ok(body) = axum::body::to_bytes(body, LIMIT).await else {
            let message = format!("Request entity too large: limit is {LIMIT}");
            return respond::refuse(&Status::new(413, "RequestEntityTooLarge", message), false);
        };
        let request = Request::new(parts, body);
        let yaml = request.accepted().is_ok_and(|accepted| accepted.yaml);
        self.answer(&request)
            .unwrap_or_else(|refused| respond::refuse(&refused, yaml))
    }

    fn answer(self: &Arc<Self>, request: &Request) -> Result<Response<Body>, Status> {
        let mut state = self.lock();
        let user = auth::authenticate(&state, request)?;
        let accepted = request.accepted()?;
        let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
        let is_resource = matches!(
            segments.as_slice(),
            ["api", _, _, ..] | ["apis", _, _, _, ..]
        );
        if !is_resource {
            auth::check_path(&state, &user, request)?;
            if let Some(answer) = discovery::answer(&state, request, accepted) {
                return answer;
            }
        }
        let Some(target) = route(&state, &segments)? else {
            return Ok(respond::plain(404, discovery::NOT_FOUND.to_owned()));
        };
        let verb = verb_of(&target, request)?;
        auth::check(&state, &user, verb, &target)?;
        let kind = target.kind.clone();
        let answer = self.dispatch(&mut state, &user, &target, verb, request, accepted);
        state.settle();
        let Answer { reply, warnings } = answer?;
        let shown = if target.part.as_deref().is_none_or(|part| part == "status") {
            Some(&*kind)
        } else {
            None
        };
        let reply = table::shape(reply, &kind, accepted.form, request, &self.settings);
        let mut response = reply.write(shown, accepted.yaml);
        respond::warn(&mut response, &warnings);
        Ok(response)
    }

    fn dispatch(
        self: &Arc<Self>,
        state: &mut State,
        user: &User,
        target: &Target,
        verb: &str,
        request: &Request,
        accepted: Accepted,
    ) -> Result<Answer, Status> {
        let kind = &target.kind;
        if let Some(answer) = reviews::answer(state, user, kind, target, request) {
            return answer;
        }
        if let Some(answer) = target
            .part
            .as_deref()
            .and_then(|part| parts::answer(state, target, part, request))
        {
            return answer;
        }
        match verb {
            "watch" => {
                let selector = selector_of(target, request)?;
                let namespace = target.namespace.as_deref();
                let body = watch::begin(
                    self,
                    state,
                    kind,
                    namespace,
                    selector,
                    request,
                    accepted.form,
                )?;
                Ok(Reply::Stream(body).into())
            }
            "list" => {
                let selector = selector_of(target, request)?;
                Ok(Reply::List(list::list(
                    state,
                    kind,
                    target.namespace.as_deref(),
                    &selector,
                    request,
                )?)
                .into())
            }
            "get" => {
                list::check_future(state, list::revision_of(request)?)?;
                let key = target.key();
                let object = state.store.get(&key).cloned();
                let object = object
                    .ok_or_else(|| Status::not_found(&kind.group, &kind.plural, &key.name))?;
                Ok(Reply::Object(200, convert::to_version(kind, object)).into())
            }
            "create" => create(state, target, request),
            "update" => update(state, target, request),
            "patch" => patch(state, target, request),
            "delete" => delete_one(state, target, request),
            _ => delete_many(state, target, request),
        }
    }
}

/// Returns how a body is written; what the server does not read is refused.
pub(super) fn media_of(request: &Request) -> Result<Media, Status> {
    match request.content_type() {
        "application/json" | "" | "*/*" => Ok(Media::Json),
        "application/yaml" | "application/x-yaml" => Ok(Media::Yaml),
        "application/vnd.kubernetes.protobuf" => Ok(Media::Protobuf),
        _ => Err(unsupported(
            "application/json, application/yaml, application/vnd.kubernetes.protobuf",
        )),
    }
}

fn unsupported(accepted: &str) -> Status {
    let message = format!(
        "the body of the request was in an unknown format - accepted media types include: {accepted}"
    );
    Status::new(415, "UnsupportedMediaType", message)
}

fn object_of(request: &Request, kind: &Kind) -> Result<(Value, Vec<String>), Status> {
    let decoded = decode::decode(&request.body, media_of(request)?, kind)?;
    Ok((decoded.object, decoded.problems))
}

fn create(state: &mut State, target: &Target, request: &Request) -> Result<Answer, Status> {
    let kind = &target.kind;
    let manager = request.manager();
    let validation = request.validation("CreateOptions")?;
    let dry_run = request.dry_run("CreateOptions")?;
    let (object, problems) = object_of(request, kind)?;
    let mut warnings = write::judge(kind, problems, validation)?;
    let options = WriteOptions {
        manager: &manager,
        dry_run,
        force: false,
        validation,
    };
    let written = write::create(state, kind, target.namespace.as_deref(), object, &options)?;
    warnings.extend(written.warnings.iter().cloned());
    Ok(Answer {
        reply: Reply::Object(201, convert::to_version(kind, written.object)),
        warnings,
    })
}

fn update(state: &mut State, target: &Target, request: &Request) -> Result<Answer, Status> {
    let kind = &target.kind;
    let manager = request.manager();
    let validation = request.validation("UpdateOptions")?;
    let dry_run = request.dry_run("UpdateOptions")?;
    let (object, problems) = object_of(request, kind)?;
    let mut warnings = write::judge(kind, problems, validation)?;
    let options = WriteOptions {
        manager: &manager,
        dry_run,
        force: false,
        validation,
    };
    let written = write::replace(
        state,
        kind,
        &target.key(),
        target.part.as_deref(),
        object,
        &options,
    )?;
    warnings.extend(written.warnings.iter().cloned());
    Ok(Answer {
        reply: Reply::Object(200, convert::to_version(kind, written.object)),
        warnings,
    })
}

fn patch(state: &mut State, target: &Target, request: &Request) -> Result<Answer, Status> {
    let kind = &target.kind;
    let asked = patch_of(request, kind)?;
    let options = WriteOptions {
        manager: &asked.manager,
        dry_run: asked.dry_run,
        force: asked.force,
        validation: asked.validation,
    };
    let written = write::patch(
        state,
        kind,
        &target.key(),
        target.part.as_deref(),
        &asked.patch,
        &options,
    )?;
    let code = if written.created { 201 } else { 200 };
    let Written {
        object, warnings, ..
    } = written;
    Ok(Answer {
        reply: Reply::Object(code, convert::to_version(kind, object)),
        warnings,
    })
}

/// A patch with what its parameters ask for.
pub(super) struct PatchRequest {
    pub(super) patch: Patch,
    pub(super) manager: String,
    pub(super) dry_run: bool,
    force: bool,
    validation: write::Validation,
}

/// Reads a patch.
pub(super) fn patch_of(request: &Request, kind: &Kind) -> Result<PatchRequest, Status> {
    let custom = matches!(kind.origin, Origin::Custom(_));
    let media = request.content_type();
    let apply = matches!(
        media,
        "application/apply-patch+yaml" | "application/apply-patch+json"
    );
    let known = matches!(
        media,
        "application/json-patch+json" | "application/merge-patch+json"
    ) || apply;
    if !known && media != "application/strategic-merge-patch+json" {
        return Err(
            Status::new(415, "UnsupportedMediaType", "415: Unsupported Media Type")
                .with_empty_details(),
        );
    }
    if !known && custom {
        return Err(unsupported(
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        ));
    }
    let options = |cause| Err(Status::invalid_options("PatchOptions", cause));
    if apply && request.parameter("fieldManager").is_none() {
        return options(Cause::required(
            "fieldManager",
            "is required for apply patch",
        ));
    }
    if !apply && request.parameter("force").is_some() {
        return options(Cause::forbidden(
            "force",
            "may not be specified for non-apply patch",
        ));
    }
    let validation = request.validation("PatchOptions")?;
    let dry_run = request.dry_run("PatchOptions")?;
    let form = match apply && !request.body.starts_with(b"{") {
        true => Media::Yaml,
        false => Media::Json,
    };
    let (body, _) = decode::parse(&request.body, form).map_err(Status::bad_request)?;
    let patch = match media {
        "application/json-patch+json" => Patch::Json(body),
        "application/merge-patch+json" => Patch::Merge(body),
        "application/strategic-merge-patch+json" => Patch::Strategic(body),
        _ => Patch::Apply(body),
    };
    let force = request.parameter("force") == Some("true");
    let manager = request.manager();
    Ok(PatchRequest {
        patch,
        manager,
        dry_run,
        force,
        validation,
    })
}

fn delete_options(request: &Request) -> Result<DeleteOptions, Status> {
    let body = if request.body.is_empty() {
        Value::Null
    } else {
        decode::parse(&request.body, media_of(request)?)
            .map_err(Status::bad_request)?
            .0
    };
    let dry_run = request.dry_run("DeleteOptions")?;
    DeleteOptions::read(
        &body,
        &|name| request.parameter(name).map(str::to_owned),
        dry_run,
    )
}

fn delete_one(state: &mut State, target: &Target, request: &Request) -> Result<Answer, Status> {
    let kind = &target.kind;
    let options = delete_options(request)?;
    let mut warnings = Vec::new();
    if options.propagation.is_none() && delete::orphans_by_default(kind) {
        warnings.push(
            "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set \
             propagationPolicy=Orphan to suppress this warning"
                .to_owned(),
        );
    }
    let reply = match delete::delete(state, kind, &target.key(), &options)? {
        Deleted::Object(object) => Reply::Object(200, convert::to_version(kind, object)),
        Deleted::Gone { name, uid } => {
            let mut details = json!({ "name": name });
            if !kind.group.is_empty() {
                details["group"] = json!(kind.group);
            }
            details["kind"] = json!(kind.plural);
            details["uid"] = uid;
            Reply::Value(
                200,
                json!({
                    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
                }),
            )
        }
    };
    Ok(Answer { reply, warnings })
}

fn delete_many(state: &mut State, target: &Target, request: &Request) -> Result<Answer, Status> {
    let kind = &target.kind;
    let selector = selector_of(target, request)?;
    let options = delete_options(request)?;
    let revision = state.store.revision();
    let items = delete::delete_collection(
        state,
        kind,
        target.namespace.as_deref(),
        &selector,
        &options,
    )?;
    Ok(Reply::List(respond::List {
        items,
        revision,
        token: None,
        remaining: None,
    })
    .into())
}
