//! For what share of the time an NVIDIA GPU had work.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

/// Looks at a GPU ten times a second, by `nvidia-smi`. What it tells is the share of its own sampling period, of a sixth
/// of a second or more, in which some kernel ran.
pub struct GpuWatch {
    program: Child,
    reader: Option<JoinHandle<Vec<f64>>>,
}

impl GpuWatch {
    /// Begins to look at the GPU of `gpu:N`, of `gpu` at the first; `None` where there is no nvidia-smi, or for
    /// another device.
    pub fn start(device: &str) -> Option<Self> {
        let number = match device.strip_prefix("gpu")? {
            "" => "0",
            rest => rest.strip_prefix(':')?,
        };
        let mut program = Command::new("nvidia-smi")
            .args([
                "--query-gpu=utilization.gpu",
                "--format=csv,noheader,nounits",
                "--loop-ms=100",
                "--id",
                number,
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let lines = BufReader::new(program.stdout.take()?).lines();
        let reader = std::thread::spawn(move || {
            lines.map_while(Result::ok).filter_map(|line| line.trim().parse().ok()).collect()
        });
        Some(Self { program, reader: Some(reader) })
    }

    /// Ends it: percent of the time with work, as a word for a table.
    pub fn stop(mut self) -> String {
        self.end();
        let looks = self.reader.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        match looks.len() {
            0 => "unknown".to_owned(),
            count => format!("{:.0} %", looks.iter().sum::<f64>() / count as f64),
        }
    }

    fn end(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Drop for GpuWatch {
    fn drop(&mut self) {
        self.end();
    }
}

/// As [`GpuWatch::stop`], also where nobody looked.
pub fn share(watch: Option<GpuWatch>) -> String {
    watch.map_or_else(|| "–".to_owned(), GpuWatch::stop)
}
