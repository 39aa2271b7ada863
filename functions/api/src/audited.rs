//! Answers that say which objects they are about, for the audit trail.

use axum::Json;
use axum::response::{IntoResponse, Response};
use bulk_domain::audit::{Link, Objects};
use bulk_domain::cohort::Cohort;
use bulk_domain::facility::Facility;
use bulk_domain::patient::Patient;
use serde::Serialize;

/// The body of an answer that names its objects to the audit trail.
pub trait NamesObjects {
    /// Returns what the body is about: the ids of objects, and the links that it has.
    fn objects(&self) -> Objects;
}

/// A JSON answer. The audit trail records the objects of its body.
#[derive(Debug)]
pub struct Audited<T>(pub T);

impl<T: NamesObjects + Serialize> IntoResponse for Audited<T> {
    fn into_response(self) -> Response {
        let objects = self.0.objects();
        let mut response = Json(self.0).into_response();
        response.extensions_mut().insert(objects);
        response
    }
}

impl NamesObjects for Patient {
    fn objects(&self) -> Objects {
        Objects { patients: [self.id].into(), ..Objects::default() }
    }
}

impl NamesObjects for Facility {
    fn objects(&self) -> Objects {
        Objects { facilities: [self.id].into(), ..Objects::default() }
    }
}

impl NamesObjects for Cohort {
    fn objects(&self) -> Objects {
        Objects { cohorts: [self.id].into(), ..Objects::default() }
    }
}

impl<T: NamesObjects> NamesObjects for [T] {
    fn objects(&self) -> Objects {
        let mut all = Objects::default();
        for one in self {
            all.add(one.objects());
        }
        all
    }
}

/// Returns which of these links an answer has.
pub fn links<const N: usize>(links: [(Link, bool); N]) -> Objects {
    let links = links.into_iter().filter(|(_, is_there)| *is_there).map(|(link, _)| link);
    Objects { links: links.collect(), ..Objects::default() }
}
