//! The built binary, end to end: a cleared environment, a PATH of fakes only, output normalised.

mod access;
mod bed;
mod cluster;
mod components;
mod config;
mod doctor;
mod drains;
mod drift;
mod everything;
mod files;
mod help;
mod kubeconfig;
mod kubectl;
mod lifecycle;
mod man;
mod mistakes;
mod names;
mod process;
mod real;
mod secrets;
mod signals;
mod status;
mod support;
mod trace;
mod uninstalls;
mod upgrades;
