//! `kindling notify`: tries out whom a study file tells of its news.

use std::path::PathBuf;

use kindling_coordinator::notify::send_test;
use kindling_study::{Notify, Topic};

use crate::hint::hinted;
use crate::out::outln;
use crate::page_url::PageUrlArgs;
use crate::study_file;

#[derive(clap::Args)]
pub(crate) struct NotifyArgs {
    /// The study file
    file: PathBuf,
    #[command(flatten)]
    page: PageUrlArgs,
}

pub(crate) async fn notify(args: NotifyArgs) -> anyhow::Result<()> {
    let page = args.page.read()?;
    let spec = study_file::read(&args.file)?;
    let shown = args.file.display();
    let recipient = match &spec.notify {
        Some(Notify::Address(recipient)) => recipient,
        Some(Notify::Nobody) => {
            return Err(hinted(
                format!("{shown} tells nobody: its [notify] has kind = \"off\""),
                "give it a kind and a url",
            ));
        }
        None => {
            return Err(hinted(
                format!("{shown} has no [notify]"),
                "add one, such as: notify = { kind = \"ntfy\", url = \"https://ntfy.sh/my-topic\" }",
            ));
        }
    };
    let host = recipient.url().host();
    if let Err(why) = send_test(spec.name.as_str(), recipient, page).await {
        return Err(hinted(
            format!("{host} did not take the message: {why}"),
            "mend `kind` or `url` in [notify]; a study file's url is the whole one, with the topic or the token in it",
        ));
    }
    let on = recipient.on().iter().copied().map(Topic::word).collect::<Vec<_>>().join(", ");
    outln!("{host} took a test message; it will be told of: {on}");
    Ok(())
}
