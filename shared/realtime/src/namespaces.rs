//! Which namespaces a server has, and who has a place in them.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc, RwLock,
        atomic::{AtomicU32, Ordering},
    },
};

use bytestring::ByteString;
use natter_protocol::Args;
use regex::Regex;
use serde::Serialize;

use crate::{
    Socket,
    cluster::Active,
    counters::bump,
    drive::{End, guarded},
    error::{ConnectRefused, EmitError},
    extensions::Extensions,
    handler::{ConnectContext, Handler},
    namespace::{Namespace, NamespaceHooks, NamespaceInner},
    server::Server,
};

/// All that clients of a server can connect to.
pub(crate) struct Namespaces {
    pub server: Arc<Server>,
    state: Extensions,
    namespaces: RwLock<HashMap<ByteString, Arc<NamespaceInner>>>,
    parents: RwLock<Vec<Arc<Parent>>>,
    on_new: RwLock<Vec<OnNew>>,
    cleanup: bool,
    next_id: AtomicU32,
}

pub(crate) type OnNew = Arc<dyn Fn(Namespace) + Send + Sync>;

pub(crate) struct Parent {
    admits: Admits,
    hooks: NamespaceHooks,
    children: RwLock<Vec<Arc<NamespaceInner>>>,
}

type Asks = Arc<dyn Fn(String, serde_json::Value) -> Pin<Box<dyn Future<Output = bool>>> + Send + Sync>;

/// Which names a parent takes as its children's.
pub(crate) enum Admits {
    Matching(Regex),
    By(Asks),
}

/// Namespaces that come into being when clients ask for them.
///
/// Handlers and middleware are copied to each child when it is made, so they are registered before.
///
/// Socket.IO documentation: Namespaces, "Dynamic namespaces".
#[derive(Clone)]
pub struct ParentNamespace {
    inner: Arc<Parent>,
}

impl ParentNamespace {
    /// Calls a handler for each client that connects to a child. See [`Namespace::on_connect`].
    pub fn on_connect<P: 'static>(&self, handler: impl Handler<ConnectContext, P>) {
        self.inner.hooks.on_connect(handler);
    }

    /// Adds a middleware to each child. See [`Namespace::use_middleware`].
    pub fn use_middleware<F, Fut>(&self, middleware: F)
    where
        F: Fn(Socket) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ConnectRefused>> + 'static,
    {
        self.inner.hooks.use_middleware(middleware);
    }

    /// The children that exist on this node now.
    pub fn children(&self) -> Vec<Namespace> {
        let children = self.inner.children.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        children.iter().cloned().map(Namespace::new).collect()
    }

    /// Sends an event to everybody in all children that exist on this node, on whichever node their sockets are.
    ///
    /// # Errors
    /// Those of [`BroadcastOperator::emit`](crate::BroadcastOperator::emit); the first one ends it.
    pub fn emit<T: Serialize>(&self, event: &str, data: T) -> Result<(), EmitError> {
        let args = Args::of(&data)?;
        self.children().iter().try_for_each(|child| child.emit(event, &args))
    }

    /// Disconnects everybody in all children that exist on this node, with `close` their whole connections. See
    /// [`BroadcastOperator::disconnect_sockets`](crate::BroadcastOperator::disconnect_sockets).
    pub fn disconnect_sockets(&self, close: bool) {
        self.children().iter().for_each(|child| child.disconnect_sockets(close));
    }
}

impl Namespaces {
    pub fn new(server: Arc<Server>, state: Extensions, cleanup: bool) -> Self {
        Self {
            server,
            state,
            namespaces: RwLock::default(),
            parents: RwLock::default(),
            on_new: RwLock::default(),
            cleanup,
            next_id: AtomicU32::new(0),
        }
    }

    /// Calls a function for each namespace that is made from now on.
    pub fn on_new(&self, listener: OnNew) {
        self.on_new.write().unwrap_or_else(|poisoned| poisoned.into_inner()).push(listener);
    }

    fn parents(&self) -> Vec<Arc<Parent>> {
        self.parents.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    pub fn add_parent(&self, admits: Admits) -> ParentNamespace {
        let inner =
            Arc::new(Parent { admits, hooks: NamespaceHooks::default(), children: RwLock::default() });
        self.parents.write().unwrap_or_else(|poisoned| poisoned.into_inner()).push(inner.clone());
        ParentNamespace { inner }
    }

    /// The namespace of that name, made if it does not exist, as a child of the first pattern that matches.
    pub fn named(&self, name: &str) -> Arc<NamespaceInner> {
        let name = normalised(name);
        if let Some(namespace) = self.existing(&name) {
            return namespace;
        }
        let parents = self.parents();
        let parent = parents
            .iter()
            .find(|parent| matches!(&parent.admits, Admits::Matching(pattern) if pattern.is_match(&name)));
        self.create(&name, parent)
    }

    /// A namespace that exists.
    pub fn existing(&self, name: &str) -> Option<Arc<NamespaceInner>> {
        self.namespaces.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(name).cloned()
    }

    /// A place in the namespace a client asks for: one that exists, or a child of the first parent that admits its name.
    pub async fn find(self: &Arc<Self>, name: &ByteString, auth: &str) -> Option<Lease> {
        if let Some(lease) = self.lease(name) {
            return Some(lease.announced().await);
        }
        for parent in self.parents() {
            let admitted = match &parent.admits {
                Admits::Matching(pattern) => pattern.is_match(name),
                Admits::By(asks) => {
                    let auth = serde_json::from_str(auth).unwrap_or(serde_json::Value::Null);
                    asks(name.to_string(), auth).await
                }
            };
            if admitted {
                loop {
                    self.create(name, Some(&parent));
                    // It may have been emptied and forgotten between these two lines; then it is made again.
                    if let Some(lease) = self.lease(name) {
                        return Some(lease.announced().await);
                    }
                }
            }
        }
        None
    }

    /// A place in a namespace that exists. Taken under the lock under which an empty one is forgotten.
    fn lease(self: &Arc<Self>, name: &str) -> Option<Lease> {
        let namespaces = self.namespaces.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let namespace = namespaces.get(name)?.clone();
        let active = namespace.enter();
        Some(Lease { io: self.clone(), namespace, active })
    }

    /// Makes a namespace, or returns the one that another thread has just made.
    fn create(&self, name: &ByteString, parent: Option<&Arc<Parent>>) -> Arc<NamespaceInner> {
        let mut namespaces = self.namespaces.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(namespace) = namespaces.get(name) {
            return namespace.clone();
        }
        // A piece of what the client has sent, all of which it would keep.
        let name = &ByteString::from(&**name);
        let namespace = NamespaceInner::new(
            self.next_id.fetch_add(1, Ordering::Relaxed),
            name.clone(),
            self.server.clone(),
            self.state.clone(),
            parent.map(|parent| parent.hooks.copy()).unwrap_or_default(),
            parent.is_some(),
        );
        namespaces.insert(name.clone(), namespace.clone());
        drop(namespaces);
        if let Some(parent) = parent {
            parent.children.write().unwrap_or_else(|poisoned| poisoned.into_inner()).push(namespace.clone());
        }
        let listeners = self.on_new.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        // A panic in one of them must not keep clients waiting for ever.
        for listener in listeners {
            if let End::Panicked(message) = guarded(|| listener(Namespace::new(namespace.clone()))) {
                bump(&self.server.counters.handler_panics);
                tracing::error!(namespace = %name, message, "a listener for new namespaces panicked");
            }
        }
        namespace.announced.send_replace(true);
        namespace
    }

    /// Nobody is in the namespace or on his way to it.
    fn emptied(&self, namespace: &Arc<NamespaceInner>) {
        if !self.cleanup || !namespace.dynamic {
            return;
        }
        let mut namespaces = self.namespaces.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let current = namespaces.get(&namespace.name).is_some_and(|it| Arc::ptr_eq(it, namespace));
        // Somebody may have come meanwhile.
        if !current || !namespace.is_deserted() {
            return;
        }
        namespaces.remove(&namespace.name);
        drop(namespaces);
        for parent in self.parents() {
            let mut children = parent.children.write().unwrap_or_else(|poisoned| poisoned.into_inner());
            children.retain(|child| !Arc::ptr_eq(child, namespace));
        }
    }
}

/// A place in a namespace, for a socket or a client on its way in. A dynamic namespace without any is forgotten, if the
/// server is told to.
pub(crate) struct Lease {
    io: Arc<Namespaces>,
    pub namespace: Arc<NamespaceInner>,
    active: Active,
}

impl Lease {
    /// Waits until those who want to know of new namespaces have been told of this one (they add its handlers), and until
    /// what other nodes say to the namespace reaches this one.
    async fn announced(self) -> Self {
        if !self.active.is_now() {
            self.active.clone().wait().await;
        }
        if !*self.namespace.announced.borrow() {
            // The sender lives in the namespace itself.
            drop(self.namespace.announced.subscribe().wait_for(|announced| *announced).await);
        }
        self
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.namespace.exit() {
            self.io.emptied(&self.namespace);
        }
    }
}

/// `chat`, `/chat` -> `/chat`, as the reference does.
fn normalised(name: &str) -> ByteString {
    if name.starts_with('/') { name.into() } else { format!("/{name}").into() }
}
