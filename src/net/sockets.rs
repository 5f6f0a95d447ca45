//! Listening sockets: handed over by systemd under their name, else bound by us.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::OnceLock;

use parking::Slots;
use tokio::net::{TcpListener, TcpSocket};

/// Connections the kernel holds for us until they are accepted.
const BACKLOG_MAX: u32 = 1024;

/// The socket for a listener: systemd's of this name, else a new one bound to the address. A name can be taken
/// from systemd once in the life of the process.
pub async fn listen(name: &str, address: SocketAddr) -> io::Result<TcpListener> {
    if let Some(socket) = adopted()?.take(name) {
        let socket = std::net::TcpListener::from(socket);
        socket.set_nonblocking(true)?;
        return TcpListener::from_std(socket);
    }
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    let named = |error: io::Error| {
        io::Error::new(
            error.kind(),
            format!("{name} listener on {address}: {error}"),
        )
    };
    socket.bind(address).map_err(named)?;
    socket.listen(BACKLOG_MAX).map_err(named)
}

/// The sockets systemd handed over, taken from the environment once.
fn adopted() -> io::Result<&'static Slots> {
    static ADOPTED: OnceLock<Slots> = OnceLock::new();
    if let Some(slots) = ADOPTED.get() {
        return Ok(slots);
    }
    let listed: Vec<_> = sd_notify::listen_fds_with_names()?.collect();
    Ok(ADOPTED.get_or_init(|| {
        Slots::new(listed.into_iter().map(|(fd, name)| {
            // SAFETY: systemd opened these descriptors for this process and names them to it (LISTEN_PID was
            // checked); `get_or_init` makes each of them an owned one only once.
            (name, unsafe { OwnedFd::from_raw_fd(fd) })
        }))
    }))
}

mod parking {
    //! Sockets that wait for the listener of their name.

    use std::os::fd::OwnedFd;
    use std::sync::{Mutex, PoisonError};

    pub(super) struct Slots(Mutex<Vec<(String, OwnedFd)>>);

    impl Slots {
        pub(super) fn new(sockets: impl Iterator<Item = (String, OwnedFd)>) -> Self {
            Self(Mutex::new(sockets.collect()))
        }

        pub(super) fn take(&self, name: &str) -> Option<OwnedFd> {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let at = slots.iter().position(|(slot, _)| slot == name)?;
            Some(slots.swap_remove(at).1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_address_is_told_with_its_listener() {
        let first = listen("ops", ([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = first.local_addr().unwrap();
        let error = listen("staff", address).await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("staff listener on {address}")),
            "{error}"
        );
    }
}
