//! `dlssl doctor`: which library a program gets here, why, what it can do, and what is wrong.

mod environment;
mod examine;
mod isolation;
mod kernel_tls;
mod roots;
mod show;

use crate::args::DoctorArgs;
use crate::failure::Failure;
use crate::report;

pub(crate) fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let loaded = args.library.load();
    let diagnosis = match &loaded {
        Ok(library) => examine::loaded(library, &args.library),
        Err(error) => examine::failed(error, &args.library),
    };
    if args.json {
        report::unless_closed(report::json(&mut std::io::stdout().lock(), &diagnosis))?;
    } else if diagnosis.ok {
        report::unless_closed(show::show(&mut anstream::stdout().lock(), &diagnosis))?;
    }
    // Without `--json` a failed load is told once, by `main`.
    match loaded {
        Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
