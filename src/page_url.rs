//! Under which address people reach the page.

use kindling_coordinator::notify::PageUrl;

use crate::hint::hinted;

#[derive(clap::Args)]
pub(crate) struct PageUrlArgs {
    /// The address under which people reach the page, such as `https://kindling.example`: messages of studies link to it
    ///
    /// The scheme, the host and, if there is one, the port.
    // Read here and not by clap, which would print it: it may have a password in it.
    #[arg(long, value_name = "URL", env = "KINDLING_PAGE_URL")]
    page_url: Option<String>,
}

impl PageUrlArgs {
    pub(crate) fn read(&self) -> anyhow::Result<Option<PageUrl>> {
        let read = self.page_url.as_deref().map(PageUrl::parse).transpose();
        read.map_err(|error| {
            hinted(
                format!("--page-url: {error}"),
                "it is the address in the browser's bar up to the host and the port, such as https://kindling.example or http://10.0.0.7:8080",
            )
        })
    }
}
