//! `kindling study activity`.

use kindling_proto::v1;
use kindling_telemetry::say;
use serde_json::{Value, json};

use crate::client::{Client, refused};
use crate::json as print_json;
use crate::out::outln;
use crate::{format, table};

/// How many entries are asked for at a time.
const PAGE: u32 = 1000;

/// Prints what people did with a study, or with all of them.
pub(crate) async fn show(
    client: &mut Client,
    study: Option<String>,
    json: bool,
) -> anyhow::Result<()> {
    let mut activities = Vec::new();
    let (study, mut page_token) = (study.unwrap_or_default(), String::new());
    loop {
        let request = v1::ListActivityRequest { study: study.clone(), page_size: PAGE, page_token };
        let page = client.studies.list_activity(request).await.map_err(refused)?.into_inner();
        activities.extend(page.activities);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    if json {
        print_json::print(&activities.iter().map(entry).collect());
    } else if activities.is_empty() {
        say!("nobody has done anything yet");
    } else {
        outln!("{}", rows(&activities, study.is_empty()));
    }
    Ok(())
}

fn rows(activities: &[v1::Activity], of_all: bool) -> table::Table {
    let head = ["time", "who", "from", "what", "study", "trial", "details"];
    let head: Vec<_> = head.into_iter().filter(|&name| of_all || name != "study").collect();
    let mut table = table::new(&head, &[]);
    for activity in activities {
        let v1::Activity { who, from, what, study, trial, details, .. } = activity;
        let who = if who.is_empty() { "somebody" } else { who };
        let mut row = vec![time(activity), who.to_owned(), from.clone(), what.clone()];
        row.extend(of_all.then(|| study.clone()));
        row.extend([trial.map(|number| number.to_string()).unwrap_or_default(), details.clone()]);
        table.add_row(row);
    }
    table
}

/// To the second.
fn time(activity: &v1::Activity) -> String {
    let time = format::time(activity.time.as_ref());
    time.map(|time| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()).unwrap_or_default()
}

fn entry(activity: &v1::Activity) -> Value {
    let v1::Activity { who, from, what, study, trial, details, .. } = activity;
    json!({
        "time": format::time(activity.time.as_ref()).map(|time| time.to_string()),
        "who": who,
        "from": from,
        "what": what,
        "study": study,
        "trial": trial,
        "details": details,
    })
}
