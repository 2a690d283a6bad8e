//! The safe layer against a fake host: every role, every host call, the panic guard, null pointers, older hosts.

mod capture;
mod dropped;
mod failure;
mod fake_host;
mod filter;
mod forward;
mod instance;
mod service;
mod state;
