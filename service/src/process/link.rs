//! The link: messages over a socket between two processes, each with its length before it; a descriptor may come along.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use prost::Message;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};

/// Before each message.
const HEADER: usize = 4;
/// Small messages, which most are, are read at once.
const BUFFER: usize = 16 << 10;
/// A buffer that has grown past this is not kept.
const KEEP: usize = 1 << 20;

pub struct Sender {
    socket: UnixStream,
    buffer: Vec<u8>,
}

pub struct Receiver {
    socket: UnixStream,
    buffer: Vec<u8>,
    /// Of the buffer, what was received and not taken.
    start: usize,
    end: usize,
    descriptors: VecDeque<OwnedFd>,
    /// No message is longer.
    most: usize,
}

/// The two ends of a socket as a link; no message that comes in is longer than `most`.
pub fn split(socket: UnixStream, most: usize) -> io::Result<(Sender, Receiver)> {
    let other = socket.try_clone()?;
    let receiver =
        Receiver { socket: other, buffer: vec![0; BUFFER], start: 0, end: 0, descriptors: VecDeque::new(), most };
    Ok((Sender { socket, buffer: Vec::new() }, receiver))
}

impl Sender {
    pub fn send(&mut self, message: &impl Message) -> io::Result<()> {
        self.fill(message)?;
        let sent = self.socket.write_all(&self.buffer);
        self.buffer.shrink_to(KEEP);
        sent
    }

    pub fn send_with(&mut self, message: &impl Message, descriptor: BorrowedFd<'_>) -> io::Result<()> {
        self.fill(message)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let descriptors = [descriptor];
        if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
            return Err(ErrorKind::OutOfMemory.into());
        }
        let sent = sendmsg(&self.socket, &[IoSlice::new(&self.buffer)], &mut ancillary, SendFlags::NOSIGNAL)?;
        self.socket.write_all(&self.buffer[sent..])
    }

    fn fill(&mut self, message: &impl Message) -> io::Result<()> {
        let length = u32::try_from(message.encoded_len()).map_err(|_| ErrorKind::InvalidInput)?;
        self.buffer.clear();
        self.buffer.extend(length.to_le_bytes());
        message.encode(&mut self.buffer).map_err(|_| ErrorKind::OutOfMemory.into())
    }
}

impl Receiver {
    /// Messages may be as long as this from now on.
    pub fn allow(&mut self, most: usize) {
        self.most = most;
    }

    /// The next message; nothing when the other side has closed.
    pub fn receive<M: Message + Default>(&mut self) -> io::Result<Option<M>> {
        if !self.gather(HEADER)? {
            return Ok(None);
        }
        let mut header = [0; HEADER];
        header.copy_from_slice(&self.buffer[self.start..self.start + HEADER]);
        let length = u32::from_le_bytes(header) as usize;
        if length > self.most {
            return Err(ErrorKind::InvalidData.into());
        }
        if !self.gather(HEADER + length)? {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let from = self.start + HEADER;
        let message = M::decode(&self.buffer[from..from + length]).map_err(|_| ErrorKind::InvalidData)?;
        self.start = from + length;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > KEEP {
                self.buffer = vec![0; BUFFER];
            }
        }
        Ok(Some(message))
    }

    /// Waits for a message, and takes no memory for that. False when the other side has closed.
    pub fn wait(&mut self) -> io::Result<bool> {
        self.gather(1)
    }

    /// The descriptor that came along with the message received last, or with one before it.
    pub fn descriptor(&mut self) -> Option<OwnedFd> {
        self.descriptors.pop_front()
    }

    /// Receives until so many bytes are there. False when the other side closed before the first.
    fn gather(&mut self, wanted: usize) -> io::Result<bool> {
        if self.start + wanted > self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        while self.end - self.start < wanted {
            if self.end == self.buffer.len() {
                // As more has come, not as was announced.
                let length = (self.buffer.len() * 2).min(wanted.max(BUFFER));
                self.buffer.resize(length, 0);
            }
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut ancillary = RecvAncillaryBuffer::new(&mut space);
            let mut free = [IoSliceMut::new(&mut self.buffer[self.end..])];
            let received = match recvmsg(&self.socket, &mut free, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
                Ok(received) => received.bytes,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            for message in ancillary.drain() {
                if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                    self.descriptors.extend(descriptors);
                }
            }
            if received == 0 {
                return if self.end == self.start { Ok(false) } else { Err(ErrorKind::UnexpectedEof.into()) };
            }
            self.end += received;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsFd;

    use super::*;

    fn pair(most: usize) -> (Sender, Receiver) {
        let (one, other) = UnixStream::pair().expect("two sockets");
        (split(one, most).expect("a link").0, split(other, most).expect("a link").1)
    }

    #[test]
    fn messages_of_every_size_arrive_in_order_with_their_descriptors() {
        let (mut sender, mut receiver) = pair(8 << 20);
        let sizes = [0, 1, 11, 16 << 10, (16 << 10) - 4, 100_000, 5 << 20, 3];
        let (mark, mut kept) = UnixStream::pair().expect("two sockets");
        let sending = std::thread::spawn(move || {
            for size in sizes {
                sender.send(&"x".repeat(size)).expect("room");
                sender.send_with(&"with".to_owned(), mark.as_fd()).expect("room");
            }
        });
        for size in sizes {
            assert_eq!(receiver.receive::<String>().expect("whole").expect("there").len(), size);
            assert_eq!(receiver.receive::<String>().expect("whole").as_deref(), Some("with"));
            let mut socket = UnixStream::from(receiver.descriptor().expect("one each"));
            socket.write_all(b"!").expect("the same socket");
        }
        sending.join().expect("sent");
        assert!(receiver.receive::<String>().expect("closed").is_none());
        let mut said = [0; 8];
        kept.read_exact(&mut said).expect("one byte from each");
        assert_eq!(&said, b"!!!!!!!!");
    }

    #[test]
    fn what_is_too_long_or_cut_is_an_error() {
        let (mut sender, mut receiver) = pair(10);
        sender.send(&"x".repeat(11)).expect("room");
        assert_eq!(receiver.receive::<String>().expect_err("too long").kind(), ErrorKind::InvalidData);
        let (mut sender, mut receiver) = pair(1 << 30);
        sender.socket.write_all(&[0, 0, 0, 16, 1]).expect("room");
        drop(sender);
        assert_eq!(receiver.receive::<String>().expect_err("cut").kind(), ErrorKind::UnexpectedEof);
    }
}
