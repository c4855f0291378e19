//! Rules about clouds: requests that are refused or lost, and what never gets done or fails behind them.

use super::{
    Pattern,
    sections::{PROVIDERS, SIDES},
    table::Table,
};
use crate::faults::CloudEffect;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub(in crate::faults) struct Cloud {
    provider: Option<&'static str>,
    service: Pattern,
    action: Pattern,
    name: Pattern,
    pub(in crate::faults) latency: Duration,
    pub(in crate::faults) effect: Option<CloudEffect>,
}

impl Cloud {
    /// Returns whether it is about this; `name` is what the request names.
    pub(in crate::faults) fn concerns(
        &self,
        provider: &str,
        service: &str,
        action: &str,
        name: &str,
    ) -> bool {
        self.provider.is_none_or(|it| it == provider)
            && self.service.matches(service)
            && self.action.matches(action)
            && self.name.matches(name)
    }

    /// Returns whether it strikes what goes on behind a request, rather than the request.
    pub(in crate::faults) fn is_behind(&self) -> bool {
        matches!(
            self.effect,
            Some(CloudEffect::Stuck(_) | CloudEffect::Fails(_))
        )
    }
}

pub(super) fn read(table: &mut Table<'_>, latency: Option<Duration>) -> Cloud {
    let provider = table.choice("provider", &PROVIDERS);
    let (service, action, name) = (
        table.pattern("service"),
        table.pattern("action"),
        table.pattern("name"),
    );
    let status = table.status("status");
    let (code, message) = (table.text("code"), table.text("message"));
    let reset = table.choice("reset", &SIDES);
    let stuck = table.stuck("stuck");
    let fails = table.text("fails");
    table.needs(&["latency", "status", "code", "reset", "stuck", "fails"]);
    table.excludes(&["status", "reset", "stuck", "fails"]);
    table.excludes(&["code", "reset", "stuck", "fails"]);
    if status.is_none() && code.is_none() {
        table.goes_with("message", "status");
    }
    let effect = match (reset, stuck, fails) {
        (Some(side), ..) => Some(CloudEffect::Reset {
            after: side == "after",
        }),
        (_, Some(stuck), _) => Some(CloudEffect::Stuck(stuck)),
        (.., Some(why)) => Some(CloudEffect::Fails(why)),
        _ if status.is_some() || code.is_some() => Some(CloudEffect::Status {
            status,
            code,
            message,
        }),
        _ => None,
    };
    Cloud {
        provider,
        service,
        action,
        name,
        latency: latency.unwrap_or_default(),
        effect,
    }
}
