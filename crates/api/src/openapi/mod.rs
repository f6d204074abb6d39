//! What the interface looks like to a machine: the OpenAPI document, made of the types and of what their readers ask.

mod types;
