//! How often luck and skill pass the gates of evolution: `kestrel verify --gate`, for a terminal and for a program.

use std::fmt;

use optimizer::calibration::{self, CalibrationError, FamilyReport, Kind, Options, Report};

/// A family for a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a>(pub &'a FamilyReport);

/// What was measured, for a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a>(pub &'a Report);

/// Measures the gates on so many families of each kind; `progress` hears of each.
///
/// # Errors
/// [`CalibrationError`] when nothing could be measured. Gates that are not good enough are no error.
pub fn run(
    families: u32,
    seed: u64,
    progress: impl FnMut(&FamilyReport),
) -> Result<Report, CalibrationError> {
    calibration::run(&Options { families, seed, ..Options::default() }, progress)
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FamilyReport { number, kind, killed_by, sharpe_in_sample, sharpe_sealed, .. } = self.0;
        let kind = match kind {
            Kind::Null => "without skill",
            Kind::Planted => "with a hidden strategy",
        };
        write!(f, "family {number} {kind}: ")?;
        match killed_by {
            Some(gate) => write!(f, "stopped by {gate}")?,
            None if self.0.is_found() => f.write_str("found")?,
            None => f.write_str("accepted")?,
        }
        write!(
            f,
            "; Sharpe ratio a year {sharpe_in_sample:.2} in the sample, {sharpe_sealed:.2} in sealed days"
        )?;
        match self.0.overfitting {
            Some(overfitting) => write!(f, ", probability of overfitting {overfitting:.2}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let [null, planted] = report.killed;
        let medians = report
            .overfitting
            .map(|median| median.map_or_else(|| "unknown".to_owned(), |m| format!("{m:.2}")));
        let (families, trials) = (report.families, report.trials);
        writeln!(
            f,
            "{families} families without skill and {families} with a hidden strategy, {trials} strategies each"
        )?;
        writeln!(
            f,
            "false accepts: {} of {families}, allowed {} ({} stopped by G2, {} by G3)",
            report.false_accepts, report.false_accepts_allowed, null.g2, null.g3
        )?;
        writeln!(
            f,
            "found: {} of {families}, {:.0} %, needed {:.0} % ({} stopped by G2, {} by G3; {} accepted something else)",
            report.found,
            report.power * 100.0,
            calibration::POWER * 100.0,
            planted.g2,
            planted.g3,
            report.accepted_others
        )?;
        writeln!(
            f,
            "median probability of overfitting: {} without skill, {} with a hidden strategy",
            medians[0], medians[1]
        )?;
        writeln!(
            f,
            "for comparison, `Sharpe above 1 in the sample and above 0 after it` accepts {:.1} strategies of a family without skill, at least one in {} of {families}",
            report.usual_rule_accepts, report.usual_rule_families
        )?;
        f.write_str(if report.is_good() { "the gates hold" } else { "THE GATES DO NOT HOLD" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_says_in_words_whether_the_gates_hold() {
        let report = Report {
            families: 100,
            trials: 200,
            false_accepts: 2,
            false_accepts_allowed: 9,
            found: 95,
            power: 0.95,
            ..Report::default()
        };
        let text = Text(&report).to_string();
        assert!(text.contains("false accepts: 2 of 100, allowed 9"), "{text}");
        assert!(text.contains("found: 95 of 100, 95 %, needed 90 %"), "{text}");
        assert!(text.ends_with("the gates hold"), "{text}");
        let weak = Report { false_accepts: 10, ..report };
        assert!(Text(&weak).to_string().ends_with("THE GATES DO NOT HOLD"));
    }
}
