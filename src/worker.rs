//! `kindling worker`.

use std::process::ExitCode;

use kindling_worker::{WorkerArgs, WorkerError};

use crate::hint::UNFIT;
use crate::{objectives, out};

pub(crate) async fn work(args: WorkerArgs) -> anyhow::Result<ExitCode> {
    let is_child_of_run = args.stop_with_stdin;
    match kindling_worker::run_worker(args, objectives::devices(), objectives::built_in()).await {
        // The run says it in its own words, once, however many of its workers find out.
        Err(WorkerError::Unfit { reason }) if is_child_of_run => {
            _ = out::try_print(&reason);
            Ok(ExitCode::from(UNFIT))
        }
        ended => Ok(ended.map(|()| ExitCode::SUCCESS)?),
    }
}
