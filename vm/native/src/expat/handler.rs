//! The handlers of a parser, by number and name.

macro_rules! handlers {
    ($($name:ident)*) => {
        /// A handler.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[expect(clippy::enum_variant_names, reason = "spelled as the attributes")]
        pub(crate) enum Handler { $($name,)* }

        /// Their attributes' names.
        pub(super) const NAMES: &[&str] = &[$(stringify!($name),)*];
    };
}
handlers! {
    StartElementHandler EndElementHandler ProcessingInstructionHandler CharacterDataHandler UnparsedEntityDeclHandler
    NotationDeclHandler StartNamespaceDeclHandler EndNamespaceDeclHandler CommentHandler StartCdataSectionHandler
    EndCdataSectionHandler DefaultHandler DefaultHandlerExpand NotStandaloneHandler ExternalEntityRefHandler
    StartDoctypeDeclHandler EndDoctypeDeclHandler EntityDeclHandler XmlDeclHandler ElementDeclHandler AttlistDeclHandler
    SkippedEntityHandler
}

/// How many there are.
pub(super) const COUNT: usize = NAMES.len();
