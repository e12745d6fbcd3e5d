//! The wire codec: prost's, but bytes that do not decode are the sender's fault and say so.
//!
//! tonic's own codec answers `INTERNAL` without details when a request is not valid protobuf (a string that is not
//! UTF-8, a field cut short, nesting past prost's bound). Here it is `INVALID_ARGUMENT` with `ErrorInfo`.

use std::collections::HashMap;
use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

#[derive(Clone, Copy, Debug)]
pub struct StrictCodec<E, D>(PhantomData<fn(E, D)>);

#[derive(Clone, Copy, Debug)]
pub struct StrictDecoder<D>(PhantomData<fn() -> D>);

impl<E, D> Default for StrictCodec<E, D> {
    fn default() -> Self {
        StrictCodec(PhantomData)
    }
}

impl<E, D> Codec for StrictCodec<E, D>
where
    E: Message + Send + 'static,
    D: Message + Default + Send + 'static,
{
    type Encode = E;
    type Decode = D;
    type Encoder = <tonic_prost::ProstCodec<E, D> as Codec>::Encoder;
    type Decoder = StrictDecoder<D>;

    fn encoder(&mut self) -> Self::Encoder {
        tonic_prost::ProstCodec::<E, D>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        StrictDecoder(PhantomData)
    }
}

impl<D: Message + Default> Decoder for StrictDecoder<D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        D::decode(buf).map(Some).map_err(|error| malformed(&error))
    }
}

fn malformed(error: &prost::DecodeError) -> Status {
    let metadata = HashMap::from([("cause".to_owned(), error.to_string())]);
    let details = ErrorDetails::with_error_info("MALFORMED_MESSAGE", crate::ERROR_DOMAIN, metadata);
    Status::with_error_details(Code::InvalidArgument, format!("the message is not valid protobuf: {error}"), details)
}
