//! Status codes as errors: one table between the ABI's numbers and Rust's `Result`.

use std::error::Error;
use std::fmt;

use crate::abi::status;
use crate::config::ConfigError;

/// Why the host refused a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// An argument is out of range or names nothing.
    Invalid,
    /// A limit is reached; may work later.
    Full,
    /// The role, leg or state does not allow the call.
    Forbidden,
    /// The thing named does not exist any more, or the instance is being destroyed.
    Gone,
    /// Not available right now.
    TryAgain,
    /// This host does not offer the function.
    NotOffered,
    /// A status this version of the crate has no name for.
    Other(i32),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Invalid => f.write_str("an argument is out of range or names nothing"),
            Refusal::Full => f.write_str("a limit is reached"),
            Refusal::Forbidden => f.write_str("the role, leg or state does not allow it"),
            Refusal::Gone => f.write_str("it does not exist any more"),
            Refusal::TryAgain => f.write_str("not available right now, try again"),
            Refusal::NotOffered => f.write_str("this host is older and does not offer it"),
            Refusal::Other(status) => write!(f, "status {status}"),
        }
    }
}

/// A host function that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostError {
    /// Name of the function in the host table.
    pub function: &'static str,
    /// Why.
    pub refusal: Refusal,
}

impl HostError {
    pub(crate) const fn new(function: &'static str, refusal: Refusal) -> Self {
        HostError { function, refusal }
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the host refused `{}`: {}", self.function, self.refusal)
    }
}

impl Error for HostError {}

/// The status of a host function as a result.
#[inline]
pub(crate) fn check(function: &'static str, code: i32) -> Result<(), HostError> {
    if code >= status::OK {
        return Ok(());
    }
    let refusal = match code {
        status::E_INVALID => Refusal::Invalid,
        status::E_FULL => Refusal::Full,
        status::E_FORBIDDEN => Refusal::Forbidden,
        status::E_GONE => Refusal::Gone,
        status::E_AGAIN => Refusal::TryAgain,
        other => Refusal::Other(other),
    };
    Err(HostError::new(function, refusal))
}

/// Why an instance or a worker context could not be made. The text reaches the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CreateError {
    /// The configuration is not acceptable.
    Config(ConfigError),
    /// The host refused a call that is needed.
    Host(HostError),
    /// Anything else: what failed, why, and what to do about it.
    Failed(String),
}

impl CreateError {
    pub(crate) fn status(&self) -> i32 {
        match self {
            CreateError::Config(_) => status::E_CONFIG,
            CreateError::Host(_) | CreateError::Failed(_) => status::E_FAILED,
        }
    }
}

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CreateError::Config(error) => error.fmt(f),
            CreateError::Host(error) => error.fmt(f),
            CreateError::Failed(text) => f.write_str(text),
        }
    }
}

impl Error for CreateError {}

impl From<ConfigError> for CreateError {
    fn from(error: ConfigError) -> Self {
        CreateError::Config(error)
    }
}

impl From<HostError> for CreateError {
    fn from(error: HostError) -> Self {
        CreateError::Host(error)
    }
}

/// The refusal of a control request; the text reaches the operator.
///
/// Counts only on `PortCreate`, `NicCreate` and properties that are added or updated; the host ignores it elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Veto {
    reason: String,
    for_now: bool,
}

impl Veto {
    /// Says why: what is refused, the reason, and what to do about it. Final: asking again is no use.
    pub fn new(reason: impl Into<String>) -> Self {
        Veto { reason: reason.into(), for_now: false }
    }

    /// As [`Veto::new`] for want of something that may be there later: the operator may try again.
    pub fn for_now(reason: impl Into<String>) -> Self {
        Veto { reason: reason.into(), for_now: true }
    }

    pub(crate) fn status(&self) -> i32 {
        if self.for_now {
            status::E_AGAIN
        } else {
            status::E_VETO
        }
    }
}

/// How a request ended that the extension had accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was carried out.
    Done,
    /// A lower extension refused it for good.
    Vetoed,
    /// A lower extension refused it for now.
    NotNow,
}

impl Outcome {
    pub(crate) fn of(code: i32) -> Outcome {
        match code {
            status::OK => Outcome::Done,
            status::E_AGAIN | status::E_FULL => Outcome::NotNow,
            _ => Outcome::Vetoed,
        }
    }
}

impl fmt::Display for Veto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for Veto {}

#[cfg(test)]
mod tests {
    use super::{check, Refusal};
    use crate::abi::status;

    #[test]
    fn every_status_has_its_refusal() {
        assert_eq!(check("hold", status::OK), Ok(()));
        let refusal = |code| check("hold", code).unwrap_err().refusal;
        assert_eq!(refusal(status::E_INVALID), Refusal::Invalid);
        assert_eq!(refusal(status::E_FULL), Refusal::Full);
        assert_eq!(refusal(status::E_FORBIDDEN), Refusal::Forbidden);
        assert_eq!(refusal(status::E_GONE), Refusal::Gone);
        assert_eq!(refusal(status::E_AGAIN), Refusal::TryAgain);
        assert_eq!(refusal(-77), Refusal::Other(-77));
        assert_eq!(
            check("hold", status::E_FULL).unwrap_err().to_string(),
            "the host refused `hold`: a limit is reached"
        );
    }
}
