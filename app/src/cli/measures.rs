//! Measures as JSON: a number that does not exist is null, and the reason stands beside it.

use serde_json::{Value, json};
use vitrine_core::learning::eval::metrics::CorrectedAuc;

/// Key under which objects of measures tell why a number is null.
pub const NOT_MEASURED: &str = "not_measured";

/// Makes the corrected validation AUC null where it does not exist, and adds the reason.
pub fn withhold_corrected(measures: &mut Value, corrected: Option<CorrectedAuc>) {
    if let Some(CorrectedAuc::AboveCeiling(why)) = corrected {
        measures["validation_auc_corrected"] = Value::Null;
        measures[NOT_MEASURED] = json!({ "validation_auc_corrected": why.to_string() });
    }
}
