//! Tokens and certificates, both valid and foreign.

use std::path::Path;
use std::process::Command;

use tonic::transport::Identity;

use super::{Coordinator, Folder, kindling, output};

pub(crate) struct Keys {
    pub(crate) folder: Folder,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let folder = Folder::new();
        for name in ["worker", "client", "viewer", "foreign"] {
            let file = folder.path(name);
            assert!(output(&["token", "create", text(&file)]).status.success());
        }
        for name in ["certificates", "foreign-certificates"] {
            let made = output(&["certificate", "create", text(&folder.path(name))]);
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        Self { folder }
    }

    pub(crate) fn token(&self, name: &str) -> String {
        let token = std::fs::read_to_string(self.folder.path(name)).expect("a token");
        token.trim().to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        text(&self.folder.path(name)).to_owned()
    }

    pub(crate) fn pem(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path(name)).expect("a PEM file")
    }

    pub(crate) fn identity(&self, name: &str) -> Identity {
        Identity::from_pem(self.pem(&format!("{name}.pem")), self.pem(&format!("{name}.key")))
    }

    pub(crate) fn coordinator(&self, more: &[&str]) -> Coordinator {
        self.coordinator_by(kindling, more)
    }

    /// A coordinator started by this command.
    pub(crate) fn coordinator_by(
        &self,
        command: impl Fn(&[&str]) -> Command,
        more: &[impl AsRef<str>],
    ) -> Coordinator {
        let [store, worker, client, viewer] =
            ["study.db", "worker", "client", "viewer"].map(|name| self.path(name));
        let mut args = vec!["coordinator", "--store", &store, "--listen", "127.0.0.1:0"];
        args.extend(["--worker-token-file", &worker, "--client-token-file", &client]);
        args.extend(["--viewer-token-file", &viewer]);
        args.extend(more.iter().map(AsRef::as_ref));
        Coordinator::start_command(&mut command(&args))
    }

    /// The arguments for TLS.
    pub(crate) fn server_tls(&self) -> Vec<String> {
        let file = |name: &str| self.path(&format!("certificates/{name}"));
        vec!["--tls-cert".into(), file("server.pem"), "--tls-key".into(), file("server.key")]
    }

    /// A coordinator with TLS that accepts only certificates of the right authority, at the most verbose log
    /// level.
    pub(crate) fn coordinator_with_tls(&self) -> Coordinator {
        let ca = ["--tls-client-ca".to_owned(), self.path("certificates/ca.pem")];
        let traced = |args: &[&str]| {
            let mut command = kindling(args);
            command.env("KINDLING_LOG", "trace");
            command
        };
        self.coordinator_by(traced, &[self.server_tls(), ca.to_vec()].concat())
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}
