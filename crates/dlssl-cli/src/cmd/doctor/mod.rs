//! `dlssl doctor`: which library a program gets here, why, what it can do, and what is wrong.

mod environment;
mod examine;
mod isolation;
mod roots;
mod show;

use crate::args::DoctorArgs;
use crate::failure::Failure;
use crate::report;

pub(crate) fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let loaded = args.library.load();
    let diagnosis = match &loaded {
        Ok(library) => examine::loaded(library, &args.library),
        Err(error) => examine::failed(error),
    };
    if args.json {
        report::json(&mut std::io::stdout().lock(), &diagnosis).map_err(Failure::output)?;
    } else if diagnosis.ok {
        show::show(&mut anstream::stdout().lock(), &diagnosis).map_err(Failure::output)?;
    }
    // Without `--json` a failed load is told once, by `main`.
    match loaded {
        Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
