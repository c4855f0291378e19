//! CronJobs: a Job at each time of their schedule, and the old ones taken away.

use super::{
    Cx, Next, jobs,
    object::{deleting, is_true, name, namespace, owned, reference, second, time},
};
use crate::clock;
use jiff::{Timestamp, ToSpan, civil::DateTime, tz::TimeZone};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const MANAGER: &str = "kube-controller-manager";
/// As far ahead as a next time is looked for: a leap day may be eight years away.
const DAYS: u32 = 366 * 8 + 2;

pub(super) fn cron_job(cx: &Cx<'_>, it: &Value) -> Next {
    if deleting(it) {
        return Next::NEVER;
    }
    let mut jobs = cx.api.list("batch", "Job", Some(namespace(it)));
    jobs.retain(|job| owned(job, it));
    tidy(cx, it, &jobs);
    let active: Vec<&Arc<Value>> = jobs
        .iter()
        .filter(|job| jobs::finished(job).is_none() && !deleting(job))
        .collect();
    let succeeded = jobs.iter().filter(|job| is_true(job, "Complete"));
    let succeeded = succeeded.filter_map(|job| time(&job["status"]["completionTime"]));
    let mut status = json!({"active": references(active.iter().copied())});
    if let Some(last) = succeeded.max() {
        status["lastSuccessfulTime"] = second(last);
    }
    let Some(schedule) = Schedule::parse(&it["spec"]) else {
        let shown = it["spec"]["schedule"].as_str().unwrap_or_default();
        let message = format!("unparseable schedule: \"{shown}\"");
        cx.event(it, "Warning", "UnparseableSchedule", &message);
        return Next::NEVER;
    };
    let since = time(&it["status"]["lastScheduleTime"])
        .or_else(|| time(&it["metadata"]["creationTimestamp"]));
    if it["spec"]["suspend"] == true {
        cx.status(it, MANAGER, status);
        return Next::NEVER;
    }
    // Of several times that went by, the last counts.
    let due = schedule.latest(since.unwrap_or(cx.now), cx.now);
    let late = |due: &Timestamp| {
        let bound = it["spec"]["startingDeadlineSeconds"].as_u64();
        bound.is_some_and(|bound| cx.now > clock::add(*due, Duration::from_secs(bound)))
    };
    if let Some(due) = due.filter(|due| !late(due)) {
        let policy = it["spec"]["concurrencyPolicy"].as_str();
        match policy {
            Some("Forbid") if !active.is_empty() => {
                let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
                cx.event(it, "Normal", "JobAlreadyActive", message);
                cx.status(it, MANAGER, status);
                // The job's end brings it here again.
                return schedule.after(cx.now).map_or(Next::NEVER, Next::limit);
            }
            Some("Replace") => active.iter().for_each(|job| cx.delete(job)),
            _ => {}
        }
        if let Some(made) = start(cx, it, due) {
            let kept = active.iter().copied().filter(|_| policy != Some("Replace"));
            status["active"] = references(kept.chain([&made]));
        }
        status["lastScheduleTime"] = second(due);
    }
    cx.status(it, MANAGER, status);
    schedule.after(cx.now).map_or(Next::NEVER, Next::limit)
}

/// Makes the Job of one time.
fn start(cx: &Cx<'_>, it: &Value, due: Timestamp) -> Option<Arc<Value>> {
    let template = &it["spec"]["jobTemplate"];
    // As the real controller names it, by the minutes since 1970.
    let job = format!("{}-{}", name(it), due.as_second() / 60);
    let mut annotations = template["metadata"]["annotations"].clone();
    annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"] = second(due);
    let mut metadata = json!({
        "name": job, "namespace": namespace(it), "annotations": annotations, "ownerReferences": reference(it),
    });
    if template["metadata"]["labels"].is_object() {
        metadata["labels"] = template["metadata"]["labels"].clone();
    }
    let made = cx.create(json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"],
    }));
    match made {
        Ok(made) => {
            cx.event(
                it,
                "Normal",
                "SuccessfulCreate",
                &format!("Created job {job}"),
            );
            Some(made)
        }
        Err(refusal) => {
            if refusal.reason != "AlreadyExists" {
                let message = format!("Error creating job: {}", refusal.message);
                cx.event(it, "Warning", "FailedCreate", &message);
            }
            None
        }
    }
}

/// Takes away the Jobs that are over and more than the history is to hold.
fn tidy(cx: &Cx<'_>, it: &Value, jobs: &[Arc<Value>]) {
    for (condition, field, usual) in [
        ("Complete", "successfulJobsHistoryLimit", 3),
        ("Failed", "failedJobsHistoryLimit", 1),
    ] {
        let limit = it["spec"][field].as_u64().unwrap_or(usual);
        let mut over: Vec<&Arc<Value>> = jobs
            .iter()
            .filter(|job| is_true(job, condition) && !deleting(job))
            .collect();
        over.sort_by_key(|job| std::cmp::Reverse(time(&job["status"]["startTime"])));
        over.iter()
            .skip(usize::try_from(limit).unwrap_or(usize::MAX))
            .for_each(|job| cx.delete(job));
    }
}

fn references<'a>(jobs: impl Iterator<Item = &'a Arc<Value>>) -> Value {
    let one = |job: &Arc<Value>| {
        let metadata = &job["metadata"];
        json!({
            "apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"], "namespace": metadata["namespace"],
            "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"],
        })
    };
    let list: Vec<Value> = jobs.map(one).collect();
    if list.is_empty() {
        Value::Null
    } else {
        json!(list)
    }
}

/// A schedule in cron's words: five fields, or one of the short forms.
struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Where day and weekday are both restricted, either will do.
    either: bool,
    zone: TimeZone,
}

impl Schedule {
    fn parse(spec: &Value) -> Option<Self> {
        let text = spec["schedule"].as_str()?.trim();
        let zone = match spec["timeZone"].as_str() {
            Some(name) => TimeZone::get(name).ok()?,
            None => TimeZone::UTC,
        };
        let text = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            text => text,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return None;
        };
        let open = |field: &str| field.starts_with(['*', '?']);
        const MONTHS: &[&str] = &[
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ];
        const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
        Some(Self {
            minutes: set(minutes, 0, 59, &[])?,
            hours: set(hours, 0, 23, &[])?,
            days: set(days, 1, 31, &[])?,
            months: set(months, 1, 12, MONTHS)?,
            weekdays: set(weekdays, 0, 6, WEEKDAYS)?,
            either: !open(days) && !open(weekdays),
            zone,
        })
    }

    /// Returns the first time after `since`.
    fn after(&self, since: Timestamp) -> Option<Timestamp> {
        let civil = since.to_zoned(self.zone.clone()).datetime();
        let next = civil.checked_add(1.minute()).ok()?;
        let mut at = DateTime::from_parts(
            next.date(),
            jiff::civil::time(next.hour(), next.minute(), 0, 0),
        );
        for _ in 0..DAYS {
            if self.on(at) {
                for hour in at.hour()..24 {
                    let first = if hour == at.hour() { at.minute() } else { 0 };
                    if !has(self.hours, hour) {
                        continue;
                    }
                    if let Some(minute) = (first..60).find(|minute| has(self.minutes, *minute)) {
                        let found = at.date().at(hour, minute, 0, 0);
                        return Some(found.to_zoned(self.zone.clone()).ok()?.timestamp());
                    }
                }
            }
            at = at.date().tomorrow().ok()?.at(0, 0, 0, 0);
        }
        None
    }

    /// Returns the last time after `since` that is not after `now`.
    fn latest(&self, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let mut latest = None;
        let mut at = self.after(since)?;
        // A clock that jumped may have passed many: those before the last day cannot be the last one of a schedule that is so dense.
        let day = now - jiff::SignedDuration::from_hours(24);
        if at < day
            && let Some(near) = self.after(day).filter(|near| *near <= now)
        {
            at = near;
        }
        while at <= now {
            latest = Some(at);
            at = self.after(at)?;
        }
        latest
    }

    fn on(&self, at: DateTime) -> bool {
        let day = has(self.days, at.day());
        let weekday = has(self.weekdays, at.date().weekday().to_sunday_zero_offset());
        let fits = if self.either {
            day || weekday
        } else {
            day && weekday
        };
        has(self.months, at.month()) && fits
    }
}

fn has(set: u64, number: i8) -> bool {
    u32::try_from(number).is_ok_and(|number| set >> number & 1 == 1)
}

/// Returns the numbers that a field names: "*", "5", "1-5", "*/15", "mon,wed".
fn set(field: &str, least: u32, most: u32, names: &[&str]) -> Option<u64> {
    let number = |text: &str| {
        let named = names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text));
        match named {
            Some(at) => u32::try_from(at).ok().map(|at| at + least),
            None => text.parse().ok(),
        }
    };
    let mut numbers = 0;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (least, most),
            Some((first, last)) => (number(first)?, number(last)?),
            None => {
                let first = number(range)?;
                (first, if part.contains('/') { most } else { first })
            }
        };
        if first < least || last > most || first > last {
            return None;
        }
        for number in (first..=last).step_by(usize::try_from(step).ok()?) {
            numbers |= 1 << number;
        }
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_next_time() {
        for (schedule, zone, since, next) in [
            (
                "*/15 * * * *",
                "UTC",
                "2026-01-01T00:01:30Z",
                Some("2026-01-01T00:15:00Z"),
            ),
            (
                "0 8 * * mon-fri",
                "UTC",
                "2026-01-02T08:00:00Z",
                Some("2026-01-05T08:00:00Z"),
            ),
            (
                "30 6 1,15 * *",
                "UTC",
                "2026-01-02T00:00:00Z",
                Some("2026-01-15T06:30:00Z"),
            ),
            // The 13th, or any Friday.
            (
                "0 0 13 * fri",
                "UTC",
                "2026-01-03T00:00:00Z",
                Some("2026-01-09T00:00:00Z"),
            ),
            (
                "0 0 29 feb *",
                "UTC",
                "2026-01-01T00:00:00Z",
                Some("2028-02-29T00:00:00Z"),
            ),
            (
                "@hourly",
                "UTC",
                "2026-01-01T23:00:00Z",
                Some("2026-01-02T00:00:00Z"),
            ),
            ("0 0 31 2 *", "UTC", "2026-01-01T00:00:00Z", None),
        ] {
            let spec = json!({"schedule": schedule, "timeZone": zone});
            let schedule = Schedule::parse(&spec).expect("a schedule");
            let found = schedule.after(since.parse().expect("a time"));
            assert_eq!(
                found,
                next.map(|next| next.parse().expect("a time")),
                "{spec}"
            );
        }
        for wrong in [
            "",
            "* * * *",
            "60 * * * *",
            "5-1 * * * *",
            "*/0 * * * *",
            "x * * * *",
        ] {
            assert!(
                Schedule::parse(&json!({"schedule": wrong})).is_none(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn finds_the_last_time_that_went_by() {
        let spec = json!({"schedule": "* * * * *"});
        let schedule = Schedule::parse(&spec).expect("a schedule");
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let long_ago = at("2020-01-01T00:00:00Z");
        let found = schedule.latest(long_ago, at("2026-01-01T00:00:30Z"));
        assert_eq!(found, Some(at("2026-01-01T00:00:00Z")));
        let none = schedule.latest(at("2026-01-01T00:00:00Z"), at("2026-01-01T00:00:30Z"));
        assert_eq!(none, None);
    }
}
