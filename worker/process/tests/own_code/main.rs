//! Foreign code as trials, with real processes: every kind of end, and what is told and asked over the socket.

mod harness;
mod output;

mod bars;
mod ends;
mod python;
mod several;
mod sockets;
mod values;
