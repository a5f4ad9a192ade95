//! Paths as the methods that they name.

use super::{super::security::Role, places::PlaceKind};

/// A method of this server.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::server) struct Method {
    /// Its place in [`METHODS`].
    pub(in crate::server) number: usize,
    pub(in crate::server) path: &'static str,
    /// The field that makes its messages long.
    pub(super) field: &'static str,
    /// The place that a request takes. Only classifying takes one: a full server is healthy, and can
    /// still be asked what it is.
    pub(in crate::server) place: Option<PlaceKind>,
    /// What takes a token, if the server has some. Health does not, for those who ask have none.
    pub(super) role: Option<Role>,
}

/// The methods of this server. The last stands for all others: a path is the client's own text, which
/// neither logs nor metrics shall repeat.
pub(in crate::server) const METHODS: [Method; 15] = [
    placed(0, "/newsdesk.v1.ClassifierService/Classify", "text", PlaceKind::Request),
    placed(1, "/newsdesk.v1.ClassifierService/BatchClassify", "requests", PlaceKind::Batch),
    placed(2, "/newsdesk.v1.ClassifierService/StreamClassify", "request.text", PlaceKind::Stream),
    called(3, "/newsdesk.v1.ModelService/ListModels", ""),
    called(4, "/newsdesk.v1.ModelService/GetModel", "name"),
    free(5, "/grpc.health.v1.Health/Check", "service"),
    free(6, "/grpc.health.v1.Health/Watch", "service"),
    free(7, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", ""),
    free(8, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", ""),
    admin(9, "/newsdesk.v1.AdminService/ListModelVersions", ""),
    admin(10, "/newsdesk.v1.AdminService/ReloadModels", ""),
    admin(11, "/newsdesk.v1.AdminService/PromoteModel", "name"),
    admin(12, "/newsdesk.v1.AdminService/RollBackModel", "name"),
    admin(13, "/newsdesk.v1.AdminService/GetShadowReport", ""),
    free(14, "other", ""),
];

const fn free(number: usize, path: &'static str, field: &'static str) -> Method {
    Method { number, path, field, place: None, role: None }
}

const fn called(number: usize, path: &'static str, field: &'static str) -> Method {
    Method { role: Some(Role::Call), ..free(number, path, field) }
}

const fn admin(number: usize, path: &'static str, field: &'static str) -> Method {
    Method { role: Some(Role::Admin), ..free(number, path, field) }
}

const fn placed(
    number: usize,
    path: &'static str,
    field: &'static str,
    place: PlaceKind,
) -> Method {
    Method { place: Some(place), ..called(number, path, field) }
}

/// Returns the method at `path`.
pub(super) fn at(path: &str) -> &'static Method {
    static KNOWN: &[Method] = &METHODS;
    let known = KNOWN.iter().find(|method| method.path == path);
    known.unwrap_or(&KNOWN[KNOWN.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_stand_at_their_numbers() {
        for (place, method) in METHODS.iter().enumerate() {
            assert_eq!((method.number, at(method.path)), (place, method));
        }
        assert_eq!(at("/a.B/C").path, "other");
    }
}
