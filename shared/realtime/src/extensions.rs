//! Values by type.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
};

/// At most one value of each type. Nothing is allocated while it is empty.
#[derive(Clone, Default)]
#[expect(clippy::box_collection, reason = "one word for each of a million sockets that have none")]
pub(crate) struct Extensions(Option<Box<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>>);

impl Extensions {
    /// Hands back what was there before.
    pub fn insert<T: Any + Send + Sync>(&mut self, value: T) -> Option<Arc<dyn Any + Send + Sync>> {
        self.0.get_or_insert_default().insert(TypeId::of::<T>(), Arc::new(value))
    }

    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.as_ref()?.get(&TypeId::of::<T>())?.clone().downcast().ok()
    }
}
