//! Text tables as they come: what separates their columns, and whether lines look like the rows of one table.

/// Lines from which a table is recognised.
const LINES: usize = 21;

/// The first line that is neither blank nor a comment.
pub(super) fn first_line(text: &str) -> Option<&str> {
    lines(text).next().map(|(_, line)| line)
}

/// The lines that are neither blank nor comments, each with its number, counted from 1.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
}

/// What separates the columns: tab, comma or semicolon; `None` for blanks.
pub(super) fn delimiter(line: &str) -> Option<u8> {
    [b'\t', b',', b';'].into_iter().find(|d| line.as_bytes().contains(d))
}

/// The cells of a line, without the blanks and quotation marks around them.
pub(super) fn cells(line: &str, separator: Option<u8>) -> Vec<String> {
    let Some(separator) = separator else { return line.split_whitespace().map(str::to_owned).collect() };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_reader(line.as_bytes());
    let row = reader.records().next().and_then(Result::ok);
    row.map_or_else(Vec::new, |row| row.iter().map(str::to_owned).collect())
}

/// A column name as it is compared.
pub(super) fn plain(name: &str) -> String {
    name.trim()
        .trim_matches('"')
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

/// A cell as a number that means something.
pub(super) fn number(cell: &str) -> Option<f64> {
    cell.trim().parse::<f64>().ok().filter(|value| value.is_finite())
}

/// Whether `text`, the beginning of a file, holds rows of equally many cells of which two columns at least are numbers.
/// The first line may be a header.
pub(super) fn looks_like(text: &str) -> bool {
    let Some(separator) = first_line(text).map(delimiter) else { return false };
    let mut rows: Vec<Vec<String>> =
        lines(text).take(LINES).map(|(_, line)| cells(line, separator)).collect();
    if rows.len() > 1 {
        rows.remove(0);
    }
    let Some(columns) = rows.first().map(Vec::len) else { return false };
    let is_number = |at: usize| rows.iter().all(|row| row.get(at).is_some_and(|cell| number(cell).is_some()));
    rows.iter().all(|row| row.len() == columns) && (0..columns).filter(|&at| is_number(at)).count() >= 2
}

#[cfg(test)]
mod tests {
    use super::looks_like;

    #[test]
    fn rows_with_two_columns_of_numbers_are_a_table_and_prose_is_none() {
        for table in [
            "132.3 44.5 0.9 17 3\n",
            "id;mic;px;py\n1;a.mrc;10;20\n2;b.mrc;30;40\n",
            "# made by hand\n\nwhere,across,down\nm1,10,20\n",
            "\"a, b\",1,2\n\"c, d\",3,4\n",
        ] {
            assert!(looks_like(table), "{table}");
        }
        for prose in
            ["", "# nothing\n", "no picture", "a b c\nd e f\n", "1 2\n3 4 5\n6 7\n", "one 1\ntwo 2\n"]
        {
            assert!(!looks_like(prose), "{prose}");
        }
    }
}
