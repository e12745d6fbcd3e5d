//! The listening socket and its connections: TCP, with TLS or without, or a unix socket.

use std::fmt;
use std::fs::Permissions;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

use crate::config::Config;
use crate::identity::{Certified, Peer};
use crate::server::BoxError;
use crate::tls::Certificates;

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// Where connections without TLS are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plaintext {
    /// On loopback and unix sockets.
    Local,
    Anywhere,
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Tcp(address) => address.fmt(f),
            Listen::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A socket that listens.
pub struct Listener {
    socket: Socket,
    address: Listen,
    certificates: Option<Arc<Certificates>>,
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// What every client of HTTP/2 begins with, and no request of HTTP/1 is shorter.
const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();

/// After an accept that failed for want of descriptors.
const BREATH: Duration = Duration::from_millis(50);

impl Listener {
    pub async fn bind(
        listen: &Listen,
        plaintext: Plaintext,
        certificates: Option<Arc<Certificates>>,
    ) -> Result<Listener, BoxError> {
        match listen {
            Listen::Tcp(address) => {
                if certificates.is_none() && plaintext == Plaintext::Local && !address.ip().is_loopback() {
                    let advice = "name tls_cert and tls_key, or say plaintext = anywhere";
                    return Err(format!("{address} can be reached from other machines, without TLS: {advice}").into());
                }
                let socket = TcpListener::bind(address).await?;
                let address = Listen::Tcp(socket.local_addr()?);
                Ok(Listener { socket: Socket::Tcp(socket), address, certificates })
            }
            Listen::Unix(path) => {
                // What a server that is no more has left behind, and nothing else.
                if UnixStream::connect(path).await.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
                {
                    std::fs::remove_file(path)?;
                }
                let socket = UnixListener::bind(path)?;
                // Who may connect is who may do anything, where nobody is asked who they are.
                std::fs::set_permissions(path, Permissions::from_mode(0o660))?;
                Ok(Listener { socket: Socket::Unix(socket), address: listen.clone(), certificates: None })
            }
        }
    }

    pub fn address(&self) -> &Listen {
        &self.address
    }

    /// Its connections, each once its handshake is over, `connections_max` at once.
    pub fn connections(self, config: &Config) -> ReceiverStream<io::Result<Connection>> {
        let (sender, receiver) = mpsc::channel(64);
        let room = Arc::new(Semaphore::new(config.connections_max as usize));
        let patience = config.handshake_timeout;
        tokio::spawn(async move {
            loop {
                let Ok(place) = room.clone().acquire_owned().await else { return };
                let accepted = tokio::select! {
                    accepted = self.socket.accept() => accepted,
                    // The server has stopped.
                    () = sender.closed() => return,
                };
                match accepted {
                    Ok(stream) => {
                        tokio::spawn(admit(stream, self.certificates.clone(), patience, place, sender.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(BREATH).await;
                    }
                }
            }
        });
        ReceiverStream::new(receiver)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Listen::Unix(path) = &self.address {
            // One that is gone already is as good.
            let _removed = std::fs::remove_file(path);
        }
    }
}

impl Socket {
    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Socket::Tcp(socket) => {
                let (stream, _) = socket.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Socket::Unix(socket) => Ok(Stream::Unix(socket.accept().await?.0)),
        }
    }
}

async fn admit(
    stream: Stream,
    certificates: Option<Arc<Certificates>>,
    patience: Duration,
    place: OwnedSemaphorePermit,
    sender: mpsc::Sender<io::Result<Connection>>,
) {
    let (stream, certified) = match (stream, certificates) {
        (Stream::Tcp(stream), Some(certificates)) => {
            let shaken = tokio::time::timeout(patience, certificates.acceptor().accept(stream)).await;
            // Anybody may send anything: this is not worth a line of the log each.
            let Ok(Ok(stream)) = shaken else { return };
            let certified = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).map(Certified::new);
            (Stream::Tls(Box::new(stream)), certified)
        }
        (stream, _) => (stream, None),
    };
    let patience = Some((0, Box::pin(tokio::time::sleep(patience))));
    let connection = Connection { stream, peer: Peer { certified }, patience, gathered: false, _place: place };
    // A server that has stopped takes no more.
    let _sent = sender.send(Ok(connection)).await;
}

/// One connection, and who is at the other end.
pub struct Connection {
    stream: Stream,
    peer: Peer,
    /// Until the client has said which protocol it speaks: how much of that has come, and until when.
    patience: Option<(usize, Pin<Box<Sleep>>)>,
    /// The tasks that were ready have had their turn since the last write.
    gathered: bool,
    _place: OwnedSemaphorePermit,
}

enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

/// Less than this is not written before other tasks that are ready have had a turn: what they have to say goes along, for
/// a write costs the system as much as the call that it answers, and the client a read. With none ready, it is written at once.
const LITTLE: usize = 4096;

impl Connection {
    /// Whether to write so much now, rather than when the task is polled again.
    fn gather(&mut self, bytes: usize, cx: &Context<'_>) -> Poll<()> {
        if bytes < LITTLE && !self.gathered {
            self.gathered = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

/// Does the same with whichever stream it is.
macro_rules! either {
    ($connection:expr, $stream:ident => $does:expr) => {
        match &mut $connection.as_mut().get_mut().stream {
            Stream::Tcp($stream) => $does,
            Stream::Tls($stream) => $does,
            Stream::Unix($stream) => $does,
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some((_, end)) = &mut self.patience
            && end.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        let read = either!(self, stream => Pin::new(stream).poll_read(cx, buffer));
        if let Some((seen, _)) = &mut self.patience {
            *seen += buffer.filled().len() - before;
            if *seen >= PREFACE {
                self.patience = None;
            }
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.gather(data.len(), cx));
        let written = either!(self, stream => Pin::new(stream).poll_write(cx, data));
        self.gathered &= written.is_pending();
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.gather(data.iter().map(|part| part.len()).sum(), cx));
        let written = either!(self, stream => Pin::new(stream).poll_write_vectored(cx, data));
        self.gathered &= written.is_pending();
        written
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Tcp(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
            Stream::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::{Wake, Waker};

    use parking_lot::Mutex;
    use tokio::io::AsyncReadExt;

    use super::*;

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Count(Mutex<usize>);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            *self.0.lock() += 1;
        }
    }

    #[tokio::test]
    async fn a_little_waits_for_a_turn_of_others_and_much_does_not() {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        poll_fn(|cx| ours.poll_write_ready(cx)).await.expect("room");
        let place = Arc::new(Semaphore::new(1)).acquire_owned().await.expect("a place");
        let peer = Peer { certified: None };
        let mut ours = Connection { stream: Stream::Unix(ours), peer, patience: None, gathered: false, _place: place };
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let mut cx = Context::from_waker(&waker);
        let mut write = |data: &[u8]| match Pin::new(&mut ours).poll_write(&mut cx, data) {
            Poll::Ready(written) => (written.expect("written"), *count.0.lock()),
            Poll::Pending => (0, *count.0.lock()),
        };
        // Pending, and woken for it; what is written then may be more.
        assert_eq!(write(b"one"), (0, 1));
        assert_eq!(write(b"onetwo"), (6, 1));
        assert_eq!(write(b"three"), (0, 2));
        assert_eq!(write(b"three"), (5, 2));
        assert_eq!(write(&[b'-'; LITTLE]), (LITTLE, 2));
        let mut read = vec![0; 11 + LITTLE];
        theirs.read_exact(&mut read).await.expect("all of it");
        assert!(read.starts_with(b"onetwothree-"));
    }
}
