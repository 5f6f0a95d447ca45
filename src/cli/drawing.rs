//! `signalbox flow graph` and `flow diff`: a flow drawn, and two of its revisions compared.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::flow::graph::{Drawing, between, dot, mermaid, svg};
use crate::flow::{self, NoNames};

use super::files;

/// What is drawn.
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// The flow's file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// In which form.
    #[arg(long, value_enum, default_value = "svg")]
    pub format: Format,
    /// Where the drawing goes; without it to the standard output.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What is compared.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The file with the earlier revision.
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// The file with the later one.
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,
    /// Draw both in one picture, with what was added, removed and changed.
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Where the drawing goes; without it to the standard output.
    #[arg(long, short, value_name = "FILE", requires = "format")]
    pub output: Option<PathBuf>,
}

/// The form of a drawing.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Format {
    /// A picture for browsers.
    Svg,
    /// Text that Mermaid draws.
    Mermaid,
    /// Text that Graphviz draws.
    Dot,
}

impl Format {
    fn draw(self, drawing: &Drawing) -> String {
        match self {
            Self::Svg => svg(drawing),
            Self::Mermaid => mermaid(drawing),
            Self::Dot => dot(drawing),
        }
    }
}

/// Draws a flow; the exit code. Faults are told to `err`, so that no picture holds them.
///
/// # Errors
/// The file cannot be read or the drawing not be written.
pub fn graph(args: &GraphArgs, out: &mut dyn Write, err: &mut dyn Write) -> anyhow::Result<i32> {
    match drawing(&args.file, err)? {
        Some(drawing) => {
            put(&args.format.draw(&drawing), args.output.as_deref(), out)?;
            Ok(0)
        }
        None => Ok(1),
    }
}

/// Compares two revisions; 1 when something changed, 2 when a file has faults, which are told to `err`.
///
/// # Errors
/// A file cannot be read or the drawing not be written.
pub fn diff(args: &DiffArgs, out: &mut dyn Write, err: &mut dyn Write) -> anyhow::Result<i32> {
    let both = (drawing(&args.before, err)?, drawing(&args.after, err)?);
    let (Some(before), Some(after)) = both else {
        return Ok(2);
    };
    let difference = between(&before, &after);
    match args.format {
        Some(format) => put(
            &format.draw(&difference.drawing),
            args.output.as_deref(),
            out,
        )?,
        None if difference.lines.is_empty() => writeln!(out, "nothing changed in meaning")?,
        None => writeln!(out, "{}", difference.lines.join("\n"))?,
    }
    Ok(i32::from(!difference.lines.is_empty()))
}

/// The drawing of a file; none where it has faults, which are told. Names of an organisation are taken as good.
fn drawing(file: &Path, err: &mut dyn Write) -> anyhow::Result<Option<Drawing>> {
    let shown = file.display().to_string();
    let source = files::flow_text_of(file)?;
    match flow::check(&shown, &source, &NoNames) {
        Ok(checked) => Ok(Some(Drawing::of(&checked.flow, &source))),
        Err(faults) => {
            for fault in faults {
                writeln!(err, "{}\n", fault.draw(&source, false))?;
            }
            Ok(None)
        }
    }
}

fn put(text: &str, to: Option<&Path>, out: &mut dyn Write) -> anyhow::Result<()> {
    match to {
        Some(file) => {
            files::named(file, std::fs::write(file, text))?;
            writeln!(out, "{}", file.display())?;
        }
        None => out.write_all(text.as_bytes())?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "flow: a\naccount: b\non: sms\nsteps:\n  a:\n    reply: Hi\n    next: end\n";

    /// The exit code, and what is printed and complained of, of two files.
    fn run(before: &str, after: &str, format: Option<Format>) -> (i32, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let args = DiffArgs {
            before: file("before.yaml", before),
            after: file("after.yaml", after),
            format,
            output: None,
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = diff(&args, &mut out, &mut err).unwrap();
        let [out, err] = [out, err].map(|bytes| String::from_utf8(bytes).unwrap());
        (code, out, err)
    }

    #[test]
    fn faults_are_no_change_and_no_part_of_a_picture() {
        let broken = GOOD.replace("next: end", "next: nowhere");
        assert_eq!(run(GOOD, GOOD, None).0, 0);
        assert_eq!(run(GOOD, &GOOD.replace("Hi", "Ho"), None).0, 1);
        for (before, after) in [(GOOD, broken.as_str()), (&broken, GOOD), (&broken, &broken)] {
            for format in [None, Some(Format::Svg)] {
                let (code, out, err) = run(before, after, format);
                assert_eq!((code, out.as_str()), (2, ""));
                assert!(err.contains("unknown-step"), "{err}");
            }
        }
    }

    #[test]
    fn the_faults_of_a_flow_are_no_part_of_its_picture() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        std::fs::write(&file, GOOD.replace("next: end", "next: nowhere")).unwrap();
        let args = GraphArgs {
            file,
            format: Format::Svg,
            output: None,
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        assert_eq!(graph(&args, &mut out, &mut err).unwrap(), 1);
        assert!(out.is_empty() && !err.is_empty());
    }
}
