//! What is stored, in types of the store's own: apart from the domain's, so that those can change
//! without a change on disk.

pub mod v1;
