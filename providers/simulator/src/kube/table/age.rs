//! Times as kubectl shows them.

use jiff::Timestamp;
use serde_json::Value;

/// Returns a moment.
pub(super) fn moment(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// Returns how long ago a moment was.
pub(super) fn age(since: &Value, now: Timestamp) -> String {
    match moment(since) {
        Some(since) => duration(now.as_second() - since.as_second()),
        None => "<unknown>".to_owned(),
    }
}

/// Returns seconds as kubectl writes them (`HumanDuration` in k8s.io/apimachinery): "90s", "3m5s", "2d".
pub(super) fn duration(seconds: i64) -> String {
    let two = |whole: i64, unit: &str, part: i64, small: &str| match part {
        0 => format!("{whole}{unit}"),
        part => format!("{whole}{unit}{part}{small}"),
    };
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..120 => format!("{}s", seconds.max(0)),
        _ if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => two(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 192 => two(days, "d", hours % 24, "h"),
        _ if days < 730 => format!("{days}d"),
        _ if days < 2920 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn is_written_as_kubectl_writes_it() {
        let written = [
            (-1, "0s"),
            (119, "119s"),
            (125, "2m5s"),
            (180, "3m"),
            (11 * 60 + 5, "11m"),
            (3 * 3600 + 60, "3h1m"),
            (30 * 3600, "30h"),
            (50 * 3600, "2d2h"),
            (100 * 86400, "100d"),
            (1000 * 86400, "2y270d"),
        ];
        for (seconds, text) in written {
            assert_eq!(duration(seconds), text);
        }
    }
}
