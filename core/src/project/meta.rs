//! Single facts of a project, in the table `meta`: when it was made, its normaliser, the places in its review queues.

use crate::error::{Error, Result};
use crate::project::Project;

impl Project {
    /// When the project was made, RFC 3339, UTC.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn created(&self) -> Result<String> {
        Ok(self.db.meta("created")?.unwrap_or_default())
    }

    /// The normaliser fitted for this project, as JSON; `None` until one was stored.
    ///
    /// # Errors
    /// When the database cannot be read, or does not hold JSON.
    pub fn normaliser(&self) -> Result<Option<serde_json::Value>> {
        self.db.meta("normaliser")?.map(|text| self.json(&text)).transpose()
    }

    /// Stores the normaliser.
    ///
    /// # Errors
    /// When the project is read only or the disk is full.
    pub fn set_normaliser(&mut self, normaliser: &serde_json::Value) -> Result<()> {
        self.transact("store the normaliser", |db| db.set_meta("normaliser", &normaliser.to_string()))
    }

    /// What [`crate::review::QueuePlaces`] keeps of the review queues, as JSON; `None` until it was stored.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn review_places(&self) -> Result<Option<String>> {
        self.db.meta("review_places")
    }

    /// Stores what [`crate::review::QueuePlaces`] keeps of the review queues, as JSON.
    ///
    /// # Errors
    /// When the project is read only or the disk is full.
    pub fn set_review_places(&mut self, json: &str) -> Result<()> {
        self.transact_beside("store the places in queues", |db| db.set_meta("review_places", json))
    }

    /// JSON of the database.
    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, text: &str) -> Result<T> {
        serde_json::from_str(text).map_err(|e| {
            Error::format(
                &self.db.path,
                format!("a stored value is no valid JSON ({e})"),
                "restore the database from a backup",
            )
        })
    }
}
