//! The findings as text.

use std::io::{self, Write};

use super::examine::Diagnosis;
use super::roots::RootsReport;
use crate::report;

/// Writes the findings about a library that loaded.
pub(super) fn show(out: &mut impl Write, diagnosis: &Diagnosis<'_>) -> io::Result<()> {
    if let Some(library) = &diagnosis.library {
        report::done(out, &format!("a program gets {}", library.version_text))?;
        writeln!(out)?;
        report::heading(out, "Library")?;
        report::pairs(
            out,
            &[
                ("flavour", library.flavour.clone()),
                ("version", library.version.clone()),
                ("libssl", library.libssl.clone()),
                ("libcrypto", library.libcrypto.clone()),
                ("generation", library.generation.to_string()),
                ("OPENSSLDIR", library.openssl_dir.clone().unwrap_or_else(|| "not told".into())),
            ],
        )?;
    }

    writeln!(out)?;
    report::heading(out, "Why this one")?;
    for line in diagnosis.explanation.to_string().trim_end().lines() {
        writeln!(out, "  {}", report::clean(line))?;
    }

    if let Some(roots) = &diagnosis.roots {
        writeln!(out)?;
        report::heading(out, "Default trust roots")?;
        report::pairs(out, &root_rows(roots))?;
    }

    if let Some(isolation) = &diagnosis.isolation {
        writeln!(out)?;
        report::heading(out, "Private copies")?;
        let possible = if isolation.possible { "yes" } else { "no" };
        let used = isolation.used.as_deref().unwrap_or("no: the files are mapped as they are");
        report::pairs(out, &[("possible", possible.into()), ("used", used.into())])?;
    }

    if let Some(kernel_tls) = &diagnosis.kernel_tls {
        writeln!(out)?;
        report::heading(out, "Kernel TLS")?;
        report::pairs(out, &kernel_tls.rows())?;
    }

    if !diagnosis.capabilities.is_empty() {
        writeln!(out)?;
        report::heading(out, "Capabilities")?;
        for capability in &diagnosis.capabilities {
            write!(out, "  ")?;
            match capability.state {
                dlssl::CapabilityState::Present => report::done(out, capability.name)?,
                state @ (dlssl::CapabilityState::Inherent | dlssl::CapabilityState::Emulated) => {
                    report::done(out, &format!("{} ({state})", capability.name))?;
                }
                state => report::skipped(out, &format!("{} ({state})", capability.name))?,
            }
        }
    }

    if !diagnosis.environment.is_empty() {
        writeln!(out)?;
        report::heading(out, "Environment")?;
        let rows: Vec<_> = diagnosis
            .environment
            .iter()
            .map(|variable| (variable.name, format!("{} ({})", variable.value.to_string_lossy(), variable.effect)))
            .collect();
        report::pairs(out, &rows)?;
    }

    writeln!(out)?;
    report::heading(out, "Problems")?;
    if diagnosis.problems.is_empty() {
        report::done(out, "none found")?;
    }
    for problem in &diagnosis.problems {
        report::warning(out, &problem.what)?;
        report::advice(out, &problem.advice)?;
    }
    out.flush()
}

fn root_rows(roots: &RootsReport) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(origin) = &roots.origin {
        rows.push(("from", origin.clone()));
    }
    if let Some(file) = &roots.file {
        rows.push(("file", counted(file, roots.file_certificates)));
    }
    if let Some(directory) = &roots.directory {
        rows.push(("directory", counted(directory, roots.directory_certificates)));
    }
    if let Some(error) = &roots.error {
        rows.push(("none", error.clone()));
    }
    if !roots.considered.is_empty() {
        rows.push(("considered", roots.considered.join("\n")));
    }
    rows
}

fn counted(place: &str, certificates: Option<usize>) -> String {
    match certificates {
        Some(1) => format!("{place} (1 certificate)"),
        Some(count) => format!("{place} ({count} certificates)"),
        None => place.to_owned(),
    }
}
