//! The two kinds of objectives, and what they share.

mod broken;
mod command;
mod common;
mod fleet;
mod idle;
mod prepare;
mod python;
mod warm;

pub(crate) use self::command::CommandObjective;
pub(crate) use self::python::PythonObjective;
