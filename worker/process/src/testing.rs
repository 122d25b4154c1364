//! What the tests share.

use std::ffi::OsString;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::exit::Exit;
use crate::ground::Ground;
use crate::group::Group;
use crate::launch::{Happened, Launch, Stream};
use crate::table;

pub(crate) const LONG: Duration = Duration::from_secs(60);
