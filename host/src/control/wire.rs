//! The generated messages, client and server of `proto/heddle/v1/heddle.proto`. The proto is the documentation.

#![allow(missing_docs, reason = "generated; the comments of the proto are copied where it has any")]
#![allow(unreachable_pub, unused_qualifications, reason = "generated")]
#![allow(clippy::allow_attributes_without_reason, reason = "generated")]
#![allow(clippy::large_enum_variant, reason = "generated")]

tonic::include_proto!("heddle.v1");
