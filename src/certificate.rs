//! `kindling certificate …`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Span, Timestamp};
use kindling_telemetry::say;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use crate::hint::hinted;
use crate::secret_file;

/// The names of the certificates; each has a key beside it.
const AUTHORITY: &str = "ca";
const SERVER: &str = "server";
const CALLERS: [&str; 2] = ["worker", "client"];

#[derive(clap::Args)]
pub(crate) struct CertificateArgs {
    #[command(subcommand)]
    command: CertificateCommand,
}

#[derive(Subcommand)]
enum CertificateCommand {
    /// Make an authority of your own, and certificates of its for the coordinator, workers and clients
    Create {
        /// The folder for ca.pem, server.pem, worker.pem, client.pem and their keys
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The names and IP addresses by which the coordinator is reached
        #[arg(
            long = "host",
            value_name = "NAME",
            value_delimiter = ',',
            default_value = "localhost,127.0.0.1"
        )]
        hosts: Vec<String>,
        /// Days that the certificates are valid for
        #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3650))]
        days: u16,
        /// Leave a folder that has them all as it is
        #[arg(long)]
        keep: bool,
    },
}

pub(crate) fn certificate(args: CertificateArgs) -> anyhow::Result<()> {
    let CertificateCommand::Create { folder, hosts, days, keep } = args.command;
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let names = [AUTHORITY, SERVER].into_iter().chain(CALLERS);
    let files: Vec<_> =
        names.flat_map(|name| [pem(&folder, name), key_of(&folder, name)]).collect();
    let (hosts_file, wanted) = (folder.join("server.hosts"), format!("{}\n", hosts.join(",")));
    if keep && files.iter().all(|file| file.exists()) {
        if std::fs::read_to_string(&hosts_file).is_ok_and(|hosts| hosts != wanted) {
            return Err(hinted(
                format!("{} has certificates for other hosts", folder.display()),
                "remove them for new ones; workers then need the new ca.pem",
            ));
        }
        say!("{} has certificates; they stay as they are", folder.display());
        return Ok(());
    }
    if let Some(file) = files.iter().find(|file| file.exists()) {
        return Err(hinted(
            format!("{} exists already", file.display()),
            "choose another folder, or remove what is in there",
        ));
    }

    let key = KeyPair::generate()?;
    let mut authority = params("Kindling's own authority", Vec::new(), days)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = authority.self_signed(&key)?;
    write(&folder, AUTHORITY, &certificate.pem(), &key)?;
    let issuer = Issuer::new(authority, key);

    let mut server = params("Kindling coordinator", hosts.clone(), days)?;
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    issue(&folder, SERVER, server, &issuer)?;
    for name in CALLERS {
        let mut caller = params(&format!("Kindling {name}"), Vec::new(), days)?;
        caller.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        issue(&folder, name, caller, &issuer)?;
    }
    // Compared by `--keep`.
    std::fs::write(&hosts_file, wanted)
        .with_context(|| format!("cannot write {}", hosts_file.display()))?;
    say!(
        "certificates for {}, valid for {days} days, lie in {}",
        hosts.join(", "),
        folder.display()
    );
    say!("keep {} where no other machine reads it", key_of(&folder, AUTHORITY).display());
    Ok(())
}

fn params(name: &str, hosts: Vec<String>, days: u16) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(hosts).context("--host")?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let today = Offset::UTC.to_datetime(Timestamp::now()).date();
    let midnight =
        |date: Date| date_time_ymd(date.year().into(), date.month() as u8, date.day() as u8);
    // Backdated, so that a clock that runs slightly behind accepts them.
    params.not_before = midnight(today.yesterday()?);
    params.not_after = midnight(today.checked_add(Span::new().days(i64::from(days) + 1))?);
    Ok(params)
}

fn issue(
    folder: &Path,
    name: &str,
    mut params: CertificateParams,
    issuer: &Issuer<'_, KeyPair>,
) -> anyhow::Result<()> {
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    write(folder, name, &certificate.pem(), &key)
}

fn write(folder: &Path, name: &str, certificate: &str, key: &KeyPair) -> anyhow::Result<()> {
    let file = pem(folder, name);
    std::fs::write(&file, certificate)
        .with_context(|| format!("cannot write {}", file.display()))?;
    let file = key_of(folder, name);
    secret_file::create(&file, key.serialize_pem().as_bytes())
        .with_context(|| format!("cannot write {}", file.display()))
}

fn pem(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.pem"))
}

fn key_of(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.key"))
}
