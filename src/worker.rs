//! `kindling worker`.

use kindling_worker::WorkerArgs;

use crate::objectives;

pub(crate) async fn work(args: WorkerArgs) -> anyhow::Result<()> {
    Ok(kindling_worker::run_worker(args, objectives::devices(), objectives::built_in()).await?)
}
