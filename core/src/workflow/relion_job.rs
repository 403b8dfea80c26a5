//! Picking as an external job of RELION: the files by which RELION starts, watches and ends a job, and the picks where
//! its Extract job looks for them.
//!
//! RELION calls `PROGRAM --o External/job006/ --in_mics TABLE --LABEL VALUE --j THREADS` in the folder of its project. The
//! folder of the job then holds
//!
//! | file | what |
//! |---|---|
//! | `RELION_JOB_EXIT_SUCCESS`, `_FAILURE`, `_ABORTED` | how it ended |
//! | `RELION_JOB_ABORT_NOW` | a person wants it to end; removed when it has |
//! | `RELION_OUTPUT_NODES.star` | what later jobs can be given |
//! | `coords_suffix_vitrine.star` | RELION 3: the table of micrographs; files are found by the suffix |
//! | `autopick.star` | RELION 4 and later: micrographs and their coordinate files |
//! | `FOLDER/NAME_vitrine.star` | the picks of a micrograph, under its name without its job |

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::atomic::write_atomically;
use crate::error::{Error, Result};
use crate::export::relion_coordinate_file;
use crate::formats::micrograph_table;
use crate::formats::relion_coordinates::write_list;
use crate::formats::star::StarWriter;
use crate::remedy::Remedy;

/// What is put behind the name of a micrograph, without the ending.
const PROGRAM: &str = "vitrine";
/// The list of coordinate files.
const LIST: &str = "autopick.star";
/// What RELION makes when a person aborts the job.
const ABORT: &str = "RELION_JOB_ABORT_NOW";

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobEnd {
    /// Everything is written.
    Success,
    /// An error.
    Failure,
    /// A person aborted it.
    Aborted,
}

impl JobEnd {
    const ALL: [Self; 3] = [Self::Success, Self::Failure, Self::Aborted];

    const fn file(self) -> &'static str {
        match self {
            Self::Success => "RELION_JOB_EXIT_SUCCESS",
            Self::Failure => "RELION_JOB_EXIT_FAILURE",
            Self::Aborted => "RELION_JOB_EXIT_ABORTED",
        }
    }
}

/// The folder of a job.
#[derive(Debug, Clone)]
pub struct RelionJob {
    dir: PathBuf,
}

impl RelionJob {
    /// Begins in the folder that RELION names, also again after an earlier end.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn begin(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).map_err(|e| Error::io("create", dir, e))?;
        let job = Self { dir: dir.to_owned() };
        for end in JobEnd::ALL {
            job.remove(end.file())?;
        }
        Ok(job)
    }

    /// Whether a person has aborted the job in RELION.
    pub fn is_aborted(&self) -> bool {
        self.dir.join(ABORT).exists()
    }

    /// Tells RELION how the job ended.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn end(&self, end: JobEnd) -> Result<()> {
        let path = self.dir.join(end.file());
        fs::write(&path, "").map_err(|e| Error::io("write", &path, e))?;
        self.remove(ABORT)
    }

    fn remove(&self, name: &str) -> Result<()> {
        let path = self.dir.join(name);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, e)),
            _ => Ok(()),
        }
    }

    /// Tells RELION what the job has made of these micrographs.
    ///
    /// # Errors
    /// When the disk refuses, or a name cannot stand in a STAR file.
    pub fn write_outputs(&self, micrographs: &RelionMicrographs) -> Result<()> {
        let suffix = self.dir.join(format!("coords_suffix_{PROGRAM}.star"));
        write_atomically(&suffix, format!("{}\n", micrographs.table.display()).as_bytes())?;
        let list = self.dir.join(LIST);
        let rows: Vec<(String, String)> = micrographs
            .entries
            .iter()
            // One that could not be read has no picks, and RELION would look for the file.
            .filter(|entry| self.dir.join(&entry.inside).is_file())
            .map(|entry| (entry.name.clone(), self.dir.join(&entry.inside).to_string_lossy().into_owned()))
            .collect();
        let mut text = Vec::new();
        write_list(&mut text, &list, &rows)?;
        write_atomically(&list, &text)?;
        let nodes = self.dir.join("RELION_OUTPUT_NODES.star");
        let mut star = StarWriter::new(Vec::new(), &nodes);
        let pipeline = fs::read_to_string("default_pipeline.star").unwrap_or_default();
        let (file, column, kind) = NodeKind::of(&pipeline).words();
        star.table("output_nodes", &["rlnPipeLineNodeName", column].map(str::to_owned))?;
        let file = if file == LIST { list } else { suffix };
        star.row([file.to_string_lossy().as_ref(), kind])?;
        write_atomically(&nodes, &star.finish()?)
    }
}

/// How a version of RELION names coordinates in its pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NodeKind {
    /// By number: RELION 3.
    Number,
    /// By the words of RELION 4.
    Words4,
    /// By the words of RELION 5.
    Words5,
}

impl NodeKind {
    /// That of the version that wrote a project's `default_pipeline.star`; RELION 5 where there is none.
    fn of(pipeline: &str) -> Self {
        if pipeline.contains("_rlnPipeLineNodeTypeLabel") {
            // A project of RELION 4 has types such as MicrographsData.
            let old = ["MicrographsData.star", "MicrographMoviesData.star", "ParticlesData.star"];
            if old.iter().any(|word| pipeline.contains(word)) { Self::Words4 } else { Self::Words5 }
        } else if pipeline.contains("_rlnPipeLineNodeType ") || pipeline.contains("_rlnPipeLineProcessType ")
        {
            Self::Number
        } else {
            Self::Words5
        }
    }

    /// The file that later jobs take, the column of its type, and the type.
    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Number => ("", "rlnPipeLineNodeType", "2"),
            Self::Words4 => (LIST, "rlnPipeLineNodeTypeLabel", "MicrographsCoords.star.relion.autopick"),
            Self::Words5 => (LIST, "rlnPipeLineNodeTypeLabel", "MicrographCoordsGroup.star.relion.autopick"),
        }
    }
}

/// A micrograph of RELION's table.
#[derive(Debug, Clone)]
struct Entry {
    /// Its name in the table.
    name: String,
    file: PathBuf,
    /// Its coordinate file within the job's folder.
    inside: PathBuf,
}

/// The micrographs that RELION gives a job.
#[derive(Debug, Clone)]
pub struct RelionMicrographs {
    table: PathBuf,
    entries: Vec<Entry>,
}

impl RelionMicrographs {
    /// Reads the table that RELION names.
    ///
    /// # Errors
    /// When it cannot be read, or a micrograph of it is not found.
    pub fn read(table: &Path) -> Result<Self> {
        let mut entries = Vec::new();
        for entry in micrograph_table::open(table)?.entries {
            let Some(file) = entry.path else {
                return Err(Error::format(
                    table,
                    format!("the micrograph {} is not found", entry.name),
                    Remedy::from("run the job in the folder of the RELION project"),
                ));
            };
            let inside = relion_coordinate_file(&entry.name, &format!("_{PROGRAM}.star"))?;
            entries.push(Entry { name: entry.name, file, inside: inside.into() });
        }
        Ok(Self { table: table.to_owned(), entries })
    }

    /// The files.
    pub fn files(&self) -> Vec<PathBuf> {
        self.entries.iter().map(|entry| entry.file.clone()).collect()
    }

    /// Where in the folder of the job the picks of each file go.
    pub fn names(&self) -> HashMap<PathBuf, PathBuf> {
        self.entries.iter().map(|entry| (entry.file.clone(), entry.inside.clone())).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_files_that_relion_watches_come_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("External/job006");
        let job = RelionJob::begin(&folder).unwrap();
        assert!(!job.is_aborted());
        fs::write(folder.join(ABORT), "").unwrap();
        assert!(job.is_aborted());
        job.end(JobEnd::Aborted).unwrap();
        assert!(!job.is_aborted() && folder.join("RELION_JOB_EXIT_ABORTED").exists());
        // Continued in RELION: the earlier end is over.
        RelionJob::begin(&folder).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn nodes_are_named_as_the_version_of_the_project_does() {
        let three = "data_pipeline_nodes\n\nloop_ \n_rlnPipeLineNodeName #1 \n_rlnPipeLineNodeType #2 \n";
        assert_eq!(NodeKind::of(three), NodeKind::Number);
        let label = "loop_\n_rlnPipeLineNodeName #1\n_rlnPipeLineNodeTypeLabel #2\n";
        assert_eq!(NodeKind::of(&format!("{label}a.star MicrographsData.star.relion\n")), NodeKind::Words4);
        assert_eq!(
            NodeKind::of(&format!("{label}a.star MicrographGroupMetadata.star.relion\n")),
            NodeKind::Words5
        );
        assert_eq!(NodeKind::of(""), NodeKind::Words5);
    }
}
