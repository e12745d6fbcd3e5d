//! Out: the bytes of a pickle, in frames.

use super::op;
use typhon_object::error::Res;
use typhon_object::types::bytes;
use typhon_object::{Thread, Value, call};

/// A frame is closed when it has so many bytes, and is not worth its head below so many.
const TARGET: usize = 64 * 1024;
const LEAST: usize = 4;
/// The opcode and eight bytes of length.
const HEAD: usize = 9;

/// The output.
pub(super) struct Out<'a> {
    t: &'a Thread,
    buf: Vec<u8>,
    /// Where the open frame's head is.
    frame: Option<usize>,
    framing: bool,
    /// A file's `write`.
    sink: Option<Value>,
    /// Length at which memory is checked again.
    check_at: usize,
}

impl<'a> Out<'a> {
    pub(super) fn new(t: &'a Thread, sink: Option<Value>) -> Self {
        Self { t, buf: Vec::with_capacity(256), frame: None, framing: false, sink, check_at: 1 << 14 }
    }

    /// From here on in frames.
    pub(super) fn start_framing(&mut self) {
        self.framing = true;
    }

    #[inline]
    fn open_frame(&mut self) {
        if self.framing && self.frame.is_none() {
            self.frame = Some(self.buf.len());
            self.buf.extend_from_slice(&[0; HEAD]);
        }
    }

    /// Appends bytes of one opcode.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.open_frame();
        self.buf.extend_from_slice(bytes);
    }

    /// Appends an opcode without arguments.
    #[inline]
    pub(super) fn op(&mut self, op: u8) {
        self.open_frame();
        self.buf.push(op);
    }

    /// Between objects: closes a frame that is full.
    #[inline]
    pub(super) fn boundary(&mut self) -> Res<()> {
        if self.buf.len() >= self.check_at {
            self.check_at = self.buf.len() * 2;
            self.t.check_alloc(self.check_at)?;
        }
        match self.frame {
            Some(start) if self.buf.len() - start - HEAD >= TARGET => {
                self.close_frame();
                self.flush()
            }
            _ => Ok(()),
        }
    }

    fn close_frame(&mut self) {
        let Some(start) = self.frame.take() else { return };
        let len = self.buf.len() - start - HEAD;
        if len >= LEAST {
            self.buf[start] = op::FRAME;
            self.buf[start + 1..start + HEAD].copy_from_slice(&(len as u64).to_le_bytes());
        } else {
            self.buf.drain(start..start + HEAD);
        }
    }

    /// Hands everything to the file, if there is one.
    fn flush(&mut self) -> Res<()> {
        let Some(sink) = &self.sink else { return Ok(()) };
        let data = bytes::new(self.t, &self.buf)?;
        self.buf.clear();
        self.check_at = 1 << 14;
        call::call1(self.t, sink, &data).map(drop)
    }

    /// Appends an opcode's head and its data; large data stands outside of frames and goes to a file as it is.
    pub(super) fn blob(&mut self, head: &[u8], data: &[u8], object: Option<&Value>) -> Res<()> {
        let large = data.len() >= TARGET;
        self.t.check_alloc(self.buf.len() + data.len())?;
        let framing = self.framing;
        if large {
            self.close_frame();
            self.framing = false;
        }
        self.push(head);
        match self.sink.clone() {
            Some(sink) if large => {
                self.flush()?;
                let whole = match object {
                    Some(object) => object.clone(),
                    None => bytes::new(self.t, data)?,
                };
                call::call1(self.t, &sink, &whole)?;
            }
            _ => self.push(data),
        }
        self.framing = framing;
        Ok(())
    }

    /// Ends the pickle: its bytes, empty if they went to a file.
    pub(super) fn finish(mut self) -> Res<Vec<u8>> {
        self.close_frame();
        self.flush()?;
        Ok(self.buf)
    }
}
