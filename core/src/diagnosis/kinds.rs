//! The kinds of findings: the names that rules, ranking, prescriptions and the JSON report use.

macro_rules! kinds {
    ($($(#[$doc:meta])* $constant:ident = $name:literal;)*) => {
        $($(#[$doc])* pub const $constant: &str = $name;)*
        /// Every kind.
        pub const ALL: &[&str] = &[$($name),*];
    };
}
kinds! {
    /// Pixels that are no finite numbers.
    NOT_FINITE = "not_finite";
    /// Patches without any contrast.
    CONSTANT = "constant_patches";
    /// Many pixels at the limits of the value range.
    SATURATED = "saturated_patches";
    /// A label the method needs is missing.
    MISSING_LABELS = "missing_labels";
    /// Positives and negatives seem exchanged.
    SWAPPED = "swapped_labels";
    /// Positives show nothing in their centre.
    OFF_CENTRE = "picks_off_centre";
    /// Part of the patches has inverted contrast.
    INVERTED = "inverted_contrast";
    /// The box is too small or too large.
    BOX_SIZE = "box_size";
    /// Equal patches, all on one side.
    COPIES = "copies";
    /// Equal patches on two sides.
    LEAK = "leaked_duplicates";
    /// Nearly equal patches on two sides.
    NEAR_LEAK = "near_duplicates";
    /// Boxes on two sides share area.
    OVERLAP = "overlapping_boxes";
    /// Equal patches with contradicting labels.
    CONTRADICTION = "contradicting_labels";
    /// Sides are on different scales.
    SPLIT_DRIFT = "split_drift";
    /// Labels are on different scales.
    LABEL_DRIFT = "label_drift";
    /// Micrographs are on different scales.
    MICROGRAPH_DRIFT = "micrograph_drift";
    /// Some of the positives look like everything else.
    MISLABELLED = "mislabelled_positives";
    /// Too few positives.
    FEW_POSITIVES = "too_few_positives";
    /// The plain classifier learns next to nothing.
    WEAK_BASELINE = "weak_baseline";
    /// Picks are no random sample of the particles.
    BIASED_PICKS = "biased_picks";
    /// The given prior is the labelling rate.
    LABELLING_RATE = "labelling_rate_as_prior";
    /// The given prior is outside what the data says.
    WRONG_PRIOR = "wrong_prior";
    /// π cannot be narrowed down.
    UNSURE_PRIOR = "uncertain_prior";
    /// The learning rate is too high.
    HIGH_RATE = "learning_rate_too_high";
    /// The learning rate is too low.
    LOW_RATE = "learning_rate_too_low";
    /// Layers without gradient, or units that never answer.
    DEAD_LAYERS = "dead_layers";
    /// No pseudo-label passes.
    HIGH_THRESHOLD = "threshold_too_high";
    /// Nearly every pseudo-label passes from the start.
    LOW_THRESHOLD = "threshold_too_low";
    /// Pseudo-labels say nearly only "no particle", far fewer particles than π.
    ONE_SIDED = "one_sided_pseudo_labels";
    /// λ rises before pseudo-labels can be trusted.
    SHORT_RAMP = "ramp_up_too_short";
    /// The teacher stays where it began.
    STUCK_TEACHER = "teacher_does_not_follow";
    /// All predictions become the same.
    COLLAPSE = "collapsed";
    /// The method does worse than the plain classifier.
    METHOD_LOSES = "method_loses_to_baseline";
    /// A gradient that finite differences do not confirm.
    WRONG_GRADIENT = "wrong_gradient";
    /// CPU and GPU disagree.
    DEVICES_DISAGREE = "devices_disagree";
    /// Loss or gradient is no finite number, or explodes.
    DIVERGED = "diverged";
    /// The gradient has vanished.
    VANISHED = "vanished_gradient";
    /// Nothing is learned for epochs.
    AT_CHANCE = "at_chance";
    /// Validation has fallen from its best.
    FELL = "validation_fell";
    /// Validation AUC above what π allows.
    ABOVE_CEILING = "above_ceiling";
    /// nnPU turns nearly every step.
    ALWAYS_CLAMPED = "nnpu_always_turned";
}
