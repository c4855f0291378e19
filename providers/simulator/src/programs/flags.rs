//! Command lines as the Go library pflag reads them, which both kind and docker use.

/// A flag that a command knows.
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) short: Option<char>,
    pub(super) takes_value: bool,
}

/// Returns a flag that takes a value.
pub(super) const fn value(name: &'static str, short: Option<char>) -> Flag {
    Flag {
        name,
        short,
        takes_value: true,
    }
}

/// Returns a flag that is either given or not.
pub(super) const fn switch(name: &'static str, short: Option<char>) -> Flag {
    Flag {
        name,
        short,
        takes_value: false,
    }
}

/// What a command line says.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    given: Vec<(&'static str, String)>,
    /// The arguments that are no flags.
    pub(super) rest: Vec<String>,
}

impl Parsed {
    /// Returns the last value of a flag.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).last()
    }

    /// Returns every value of a flag.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.given
            .iter()
            .filter(move |(given, _)| *given == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns whether a switch is on.
    pub(super) fn on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value != "false")
    }
}

/// Reads a command line. With `interspersed` flags may follow arguments; otherwise all after the first argument is left as it is.
/// An error is worded as pflag does.
pub(super) fn parse(
    args: &[String],
    flags: &'static [Flag],
    interspersed: bool,
) -> Result<Parsed, String> {
    let mut parsed = Parsed::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            parsed.rest.extend(args.cloned());
            break;
        }
        if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            let Some(flag) = flags.iter().find(|flag| flag.name == name) else {
                return Err(format!("unknown flag: --{name}"));
            };
            let value = match value {
                Some(value) => value,
                None if flag.takes_value => match args.next() {
                    Some(value) => value.clone(),
                    None => return Err(format!("flag needs an argument: --{name}")),
                },
                None => "true".to_owned(),
            };
            parsed.given.push((flag.name, value));
        } else if arg.len() > 1 && arg.starts_with('-') {
            let letters: Vec<char> = arg.chars().skip(1).collect();
            for (at, letter) in letters.iter().enumerate() {
                let Some(flag) = flags.iter().find(|flag| flag.short == Some(*letter)) else {
                    return Err(format!("unknown shorthand flag: '{letter}' in {arg}"));
                };
                if !flag.takes_value {
                    parsed.given.push((flag.name, "true".to_owned()));
                    continue;
                }
                let tail: String = letters[at + 1..].iter().collect();
                let value = match (
                    tail.strip_prefix('=').unwrap_or(&tail),
                    args.as_slice().first(),
                ) {
                    ("", None) => {
                        return Err(format!("flag needs an argument: '{letter}' in {arg}"));
                    }
                    ("", Some(next)) => {
                        args.next();
                        next.clone()
                    }
                    (tail, _) => tail.to_owned(),
                };
                parsed.given.push((flag.name, value));
                break;
            }
        } else {
            parsed.rest.push(arg.clone());
            if !interspersed {
                parsed.rest.extend(args.cloned());
                break;
            }
        }
    }
    Ok(parsed)
}
