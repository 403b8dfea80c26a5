//! RELION's submission template: a script in which RELION replaces words of the form `XXX…XXX` line by line, as
//! `RelionJob::saveJobSubmissionScript` in its `pipeline_jobs.cpp` does.

use std::collections::BTreeMap;
use std::path::Path;

use super::resources::Resources;
use crate::error::{Error, Result};

/// Cores a node has at least, where nobody says it: RELION's own value.
pub(super) const DEDICATED: u32 = 24;

/// What is put into a template beside the resources.
#[derive(Debug, Clone)]
pub(super) struct Values<'a> {
    /// The command line, quoted for a shell.
    pub command: &'a str,
    /// Name of the job.
    pub name: &'a str,
    /// File for standard output.
    pub out: &'a str,
    /// File for standard error.
    pub err: &'a str,
    /// Cores a node has at least.
    pub dedicated: u32,
}

/// The script of a job. Vitrine runs one process with threads, so `XXXmpinodesXXX` is 1.
///
/// # Errors
/// When the template has no `XXXcommandXXX`, or a word that nothing is known for.
pub(super) fn render(path: &Path, template: &str, values: &Values<'_>, wanted: &Resources) -> Result<String> {
    let dedicated = values.dedicated.max(1);
    let mut words: BTreeMap<String, String> = [
        ("command", values.command.to_owned()),
        ("name", values.name.to_owned()),
        ("outfile", values.out.to_owned()),
        ("errfile", values.err.to_owned()),
        ("mpinodes", "1".to_owned()),
        ("threads", wanted.threads.to_string()),
        ("cores", wanted.threads.to_string()),
        ("dedicated", dedicated.to_string()),
        ("nodes", wanted.threads.div_ceil(dedicated).to_string()),
    ]
    .into_iter()
    .map(|(word, value)| (word.to_owned(), value))
    .collect();
    if let Some(queue) = &wanted.queue {
        words.insert("queue".to_owned(), queue.clone());
    }
    for (number, value) in &wanted.extra {
        words.insert(format!("extra{number}"), value.clone());
    }
    let mut script = String::with_capacity(template.len() + values.command.len());
    let mut runs = false;
    for (at, line) in template.lines().enumerate() {
        runs |= line.contains("XXXcommandXXX");
        let unknown = |word: &str| {
            let remedy = match word.strip_prefix("extra") {
                Some(number) => format!("give the value of the template's extra {number}"),
                None if word == "queue" => "name the queue or partition".to_owned(),
                None => "take the word out of the template".to_owned(),
            };
            Error::format(path, format!("line {} asks for XXX{word}XXX, which is not known", at + 1), remedy)
        };
        let mut rest = line;
        while let Some((before, word, after)) = next_word(rest) {
            script.push_str(before);
            script.push_str(words.get(word).ok_or_else(|| unknown(word))?);
            rest = after;
        }
        script.push_str(rest);
        script.push('\n');
    }
    if runs {
        return Ok(script);
    }
    Err(Error::format(
        path,
        "it has no XXXcommandXXX, so nothing would run",
        "give the template that RELION submits jobs with",
    ))
}

/// The text before the first `XXX…XXX`, the word in it, and the text after it. Words are letters and digits, as
/// RELION's are.
fn next_word(line: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(found) = line.get(from..).and_then(|rest| rest.find("XXX")) {
        let start = from + found;
        let inside = line.get(start + 3..)?;
        let length = inside.find("XXX")?;
        let word = inside.get(..length)?;
        if !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Some((line.get(..start)?, word, inside.get(length + 3..)?));
        }
        from = start + 1;
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The template on RELION's page about its queueing system, shortened.
    const TEMPLATE: &str = "#!/bin/tcsh\n#SBATCH -n XXXmpinodesXXX\n#SBATCH -p XXXqueueXXX\n\
                            #SBATCH -c XXXthreadsXXX\n#SBATCH -e XXXerrfileXXX\n\
                            #SBATCH -o XXXoutfileXXX\n#SBATCH -C XXXextra1XXX\n\n\
                            # XXXcoresXXX cores on XXXnodesXXX nodes of XXXdedicatedXXX\nsrun XXXcommandXXX\n";

    fn values() -> Values<'static> {
        Values {
            command: "'/opt/v' task '/p/j'",
            name: "j",
            out: "/p/j/run.out",
            err: "/p/j/run.err",
            dedicated: 8,
        }
    }

    #[test]
    fn every_word_is_replaced_wherever_it_stands() {
        let wanted = Resources {
            threads: 12,
            queue: Some("gpu-long".into()),
            extra: [(1, "5g".into())].into(),
            ..Resources::default()
        };
        let script = render(Path::new("t.csh"), TEMPLATE, &values(), &wanted).unwrap();
        assert_eq!(
            script,
            "#!/bin/tcsh\n#SBATCH -n 1\n#SBATCH -p gpu-long\n#SBATCH -c 12\n\
             #SBATCH -e /p/j/run.err\n#SBATCH -o /p/j/run.out\n#SBATCH -C 5g\n\n\
             # 12 cores on 2 nodes of 8\nsrun '/opt/v' task '/p/j'\n"
        );
    }

    #[test]
    fn what_nobody_says_is_asked_for_with_its_line() {
        let wanted = Resources { queue: Some("q".into()), ..Resources::default() };
        let text = render(Path::new("t.csh"), TEMPLATE, &values(), &wanted).unwrap_err().to_string();
        assert!(text.contains("line 7 asks for XXXextra1XXX"), "{text}");
        let text =
            render(Path::new("t.csh"), TEMPLATE, &values(), &Resources::default()).unwrap_err().to_string();
        assert!(text.contains("line 3 asks for XXXqueueXXX"), "{text}");
        let text = render(Path::new("t"), "echo XXXnameXXX\n", &values(), &wanted).unwrap_err().to_string();
        assert!(text.contains("nothing would run"), "{text}");
        // X that are no word stay.
        let odd = render(Path::new("t"), "# XXXX or XXX a XXX\nXXXcommandXXX", &values(), &wanted).unwrap();
        assert_eq!(odd, "# XXXX or XXX a XXX\n'/opt/v' task '/p/j'\n");
    }
}
