//! `dlssl selftest`: a client and a server in this process, verified, over every kind of BIO.

mod exchange;
mod pair;
mod round;

use std::io::Write;
use std::path::Path;

use dlssl::{Library, Slot};
use serde::Serialize;

use self::round::Check;
use crate::args::SelftestArgs;
use crate::certificate::{self, Certificates};
use crate::cmd::progress::Progress;
use crate::failure::Failure;
use crate::library::directory;
use crate::report;

/// The name in the server's certificate; reserved, so it can be nobody's.
const NAME: &str = "selftest.dlssl.example";
/// A name that is not in it.
const WRONG_NAME: &str = "other.dlssl.example";

pub(crate) fn run(args: &SelftestArgs) -> Result<(), Failure> {
    let mut show = Show { json: args.json, progress: Progress::new(!args.json), checks: Vec::new() };
    let outcome = rounds(args, &mut show);
    let Show { progress, checks, .. } = show;
    progress.finish();

    if args.json {
        let error = outcome.as_ref().err().map(Failure::what);
        let result = SelftestReport { ok: error.is_none(), checks, error };
        report::unless_closed(report::json(&mut std::io::stdout().lock(), &result))?;
    }
    outcome
}

/// The JSON form; an interface, so fields are only added.
#[derive(Serialize)]
struct SelftestReport<'a> {
    ok: bool,
    checks: Vec<Check>,
    error: Option<&'a str>,
}

/// Loads, tries everything, reloads, and tries everything again.
fn rounds(args: &SelftestArgs, show: &mut Show) -> Result<(), Failure> {
    show.progress.say("loading");
    let slot = Slot::new(args.library.loader());
    let library = slot.current()?;
    show.loaded(&library)?;

    show.progress.say("making certificates");
    let certificates =
        certificate::make(NAME).map_err(|error| Failure::new(format_args!("cannot make certificates: {error}")))?;
    round(&library, &certificates, show)?;

    show.progress.say("reloading");
    let reloaded = slot.reload()?;
    show.line(&Check::note(format!("reloaded: {reloaded}"), reloaded.new_library()))?;
    round(reloaded.new_library(), &certificates, show)?;

    // Streams of the old generation outlive a reload, so the old library must still work.
    show.progress.say("checking the library from before the reload");
    let check = round::transfer(&library, &certificates, None, round::Bio::Stream)?;
    show.line(&check.renamed("still works after the reload"))?;
    match &args.second_lib_dir {
        Some(folder) => second(&slot, folder, &certificates, show),
        None => Ok(()),
    }
}

/// Reloads to another library while a connection is open, then checks that one and the two together.
fn second(slot: &Slot, folder: &Path, certificates: &Certificates, show: &mut Show) -> Result<(), Failure> {
    let old = slot.current()?;
    let connection = round::open(&old, certificates)?;
    show.progress.say("reloading to the second library");
    let reloaded = slot.reload_with(directory(folder))?;
    let new = reloaded.new_library();
    show.line(&Check::note(format!("reloaded: {reloaded}"), new))?;
    connection.go_on()?;
    show.line(&Check::note("a connection from before the reload goes on, byte for byte".into(), &old))?;
    round(new, certificates, show)?;
    for (client, server) in [(&old, new), (new, &old)] {
        show.progress.say("checking the two together");
        show.line(&round::across(client, server, certificates)?)?;
    }
    Ok(())
}

fn round(library: &Library, certificates: &Certificates, show: &mut Show) -> Result<(), Failure> {
    for plan in round::plans() {
        show.progress.say(&plan.to_string());
        let check = plan.run(library, certificates).inspect_err(|_| {
            // The reason follows as the command's error.
            let _ = show.failed(&plan.to_string());
        })?;
        show.line(&check)?;
    }
    Ok(())
}

/// Lines as they come, or all of them at the end as JSON.
struct Show {
    json: bool,
    progress: Progress,
    checks: Vec<Check>,
}

impl Show {
    fn loaded(&mut self, library: &Library) -> Result<(), Failure> {
        let place = library.libssl_path().display();
        self.line(&Check::note(format!("loaded {} from {place}", library.version_text()), library))
    }

    fn line(&mut self, check: &Check) -> Result<(), Failure> {
        if !self.json {
            let write = || {
                let mut out = anstream::stdout().lock();
                if check.skipped {
                    report::skipped(&mut out, &check.what)?;
                } else {
                    report::done(&mut out, &check.what)?;
                }
                out.flush()
            };
            report::unless_closed(self.progress.aside(write))?;
        }
        self.checks.push(check.clone());
        Ok(())
    }

    fn failed(&self, what: &str) -> std::io::Result<()> {
        if self.json {
            return Ok(());
        }
        self.progress.aside(|| report::failed(&mut anstream::stdout().lock(), what))
    }
}
