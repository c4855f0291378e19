//! Whether ports of this machine are free.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::Duration,
};

use tokio::net::TcpStream;
use windlass_provider::Ctx;

/// How long loopback may take to answer; it answers at once unless something filters it.
const ANSWER: Duration = Duration::from_secs(2);

/// What became of looking at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    Free,
    /// Some program has it.
    Taken,
    /// It cannot be known: this user may not open it.
    Unknown,
}

/// Looks at a port of this machine, on loopback, where the cluster's would be opened.
pub(crate) async fn look(cx: &Ctx, port: u16) -> Port {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    // Where some program listens on all addresses, macOS lets another one listen on loopback: so that is asked first.
    let answers = tokio::select! {
        connected = TcpStream::connect(address) => connected.is_ok(),
        () = cx.clock.reached(cx.clock.now() + ANSWER) => false,
    };
    if answers {
        return Port::Taken;
    }
    match TcpListener::bind(address) {
        Ok(_) => Port::Free,
        Err(error) if error.kind() == ErrorKind::AddrInUse => Port::Taken,
        Err(_) => Port::Unknown,
    }
}

/// Returns the lowest port that programs without root's rights may open; 1024 unless Linux says otherwise.
pub(crate) fn lowest_open() -> u16 {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(1024)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use windlass_provider::SystemClock;

    use super::*;

    #[tokio::test]
    async fn a_port_that_a_program_listens_on_is_taken() {
        let cx = Ctx::new(Arc::new(SystemClock));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(look(&cx, port).await, Port::Taken);
        let everywhere = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = everywhere.local_addr().unwrap().port();
        assert_eq!(look(&cx, port).await, Port::Taken);
    }
}
