//! Paths as the methods that they name.

use super::places::PlaceKind;

/// A method of this server.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::server) struct Method {
    pub(in crate::server) path: &'static str,
    /// The field that makes its messages long.
    pub(super) field: &'static str,
    /// The place that a request takes. Only classifying takes one: a full server is healthy, and can
    /// still be asked what it is.
    pub(super) place: Option<PlaceKind>,
}

/// The methods of this server. The last stands for all others: a path is the client's own text, which
/// neither logs nor metrics shall repeat.
pub(in crate::server) const METHODS: [Method; 10] = [
    Method {
        path: "/newsdesk.v1.ClassifierService/Classify",
        field: "text",
        place: Some(PlaceKind::Request),
    },
    Method {
        path: "/newsdesk.v1.ClassifierService/BatchClassify",
        field: "requests",
        place: Some(PlaceKind::Batch),
    },
    Method {
        path: "/newsdesk.v1.ClassifierService/StreamClassify",
        field: "request.text",
        place: Some(PlaceKind::Stream),
    },
    free("/newsdesk.v1.ModelService/ListModels", ""),
    free("/newsdesk.v1.ModelService/GetModel", "name"),
    free("/grpc.health.v1.Health/Check", "service"),
    free("/grpc.health.v1.Health/Watch", "service"),
    free("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", ""),
    free("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", ""),
    free("other", ""),
];

const fn free(path: &'static str, field: &'static str) -> Method {
    Method { path, field, place: None }
}

/// Returns the method at `path`.
pub(super) fn at(path: &str) -> &'static Method {
    let known = METHODS.iter().find(|method| method.path == path);
    known.unwrap_or(&METHODS[METHODS.len() - 1])
}
