//! Calls whose messages are bytes, and connections that are not HTTP/2 for long.

use bytes::{Buf, BufMut};
use prost_reflect::MethodDescriptor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_stream::StreamExt;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::random::Random;

/// Bytes as they are.
#[derive(Clone, Copy, Default)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Bytes;
    type Decoder = Bytes;

    fn encoder(&mut self) -> Bytes {
        Bytes
    }

    fn decoder(&mut self) -> Bytes {
        Bytes
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining()).to_vec()))
    }
}

/// Calls the method with these messages, and gives the first answer, having read some of the others.
pub async fn call(channel: Channel, method: &MethodDescriptor, messages: Vec<Vec<u8>>) -> Result<Vec<u8>, Status> {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let path: PathAndQuery = path.parse().expect("our own names");
    let mut client = tonic::client::Grpc::new(channel).max_decoding_message_size(64 << 20);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let requests = Request::new(tokio_stream::iter(messages));
    let mut answers = client.streaming(requests, path, Bytes).await?.into_inner();
    let first = answers.next().await.transpose()?.unwrap_or_default();
    for _ in 0..READ {
        if answers.next().await.transpose()?.is_none() {
            break;
        }
    }
    Ok(first)
}

/// Of a stream, no more than this is read: then the client is gone.
const READ: usize = 5;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection that begins well, or not even that, and goes on with noise.
pub async fn garbage(address: &str, random: &mut Random) {
    let Ok(mut wire) = tokio::net::TcpStream::connect(address).await else { panic!("nobody listens at {address}") };
    let mut bytes = if random.one_in(4) { Vec::new() } else { PREFACE.to_vec() };
    for _ in 0..random.below(20) {
        // A frame's head: a length that may be right, a type that may be known.
        let body = random.below(100);
        let length = if random.one_in(5) { random.below(1 << 24) } else { body };
        bytes.extend_from_slice(&(length as u32).to_be_bytes()[1..]);
        bytes.extend([random.below(12) as u8, random.next() as u8]);
        bytes.extend((random.below(9) as u32).to_be_bytes());
        bytes.extend(random.bytes(body));
    }
    // The server may have hung up by then, which is its right.
    let _written = wire.write_all(&bytes).await;
    if random.one_in(2) {
        let _ended = wire.shutdown().await;
    }
    let mut answer = [0; 4096];
    let _read = tokio::time::timeout(std::time::Duration::from_millis(20), wire.read(&mut answer)).await;
}
