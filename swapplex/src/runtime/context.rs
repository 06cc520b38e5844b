//! Thread-local data that can be referred to from elsewhere.

use std::fmt;
use std::ops::Deref;
use std::thread::LocalKey;

use super::raw::{Datum, LocalRef};

/// A value, usually in a `thread_local!`, that gives out references which may leave the thread.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use swapplex::runtime::{AsyncLocal, Context};
///
/// thread_local! {
///     static HITS: Context<AtomicU64> = Context::new(AtomicU64::new(0));
/// }
///
/// #[swapplex::main]
/// async fn main() {
///     let hits = tokio::spawn(async {
///         let hits = HITS.local_ref(); // of the worker that runs this line
///         tokio::task::yield_now().await; // perhaps on another worker from here
///         hits.fetch_add(1, Ordering::Relaxed);
///         hits
///     });
///     assert_eq!(hits.await.unwrap().load(Ordering::Relaxed), 1);
/// }
/// ```
pub struct Context<T: Send + Sync + 'static>(Datum<T>);

impl<T: Send + Sync> Context<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(Datum::new(value))
    }

    /// A reference to the value, which keeps it alive wherever it goes.
    #[inline]
    pub fn local_ref(&self) -> LocalRef<T> {
        self.0.local_ref()
    }
}

impl<T: Send + Sync> Deref for Context<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.value()
    }
}

impl<T: Send + Sync + Default> Default for Context<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Send + Sync> From<T> for Context<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Send + Sync> AsRef<T> for Context<T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: Send + Sync + fmt::Debug> fmt::Debug for Context<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Context").field(&**self).finish()
    }
}

impl<T: Send + Sync> AsRef<T> for LocalRef<T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: Send + Sync + fmt::Debug> fmt::Debug for LocalRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalRef").field(&**self).finish()
    }
}

/// References to the [`Context`] of a `thread_local!`.
pub trait AsyncLocal<T: Send + Sync + 'static>: sealed::Sealed {
    /// A reference to the current thread's value, which keeps it alive wherever it goes.
    ///
    /// # Panics
    ///
    /// In a destructor of another thread-local, if this one is gone already.
    fn local_ref(&'static self) -> LocalRef<T>;
}

impl<T: Send + Sync> AsyncLocal<T> for LocalKey<Context<T>> {
    #[inline]
    fn local_ref(&'static self) -> LocalRef<T> {
        self.with(Context::local_ref)
    }
}

mod sealed {
    #[expect(unnameable_types, reason = "that is what seals the trait")]
    pub trait Sealed {}
    impl<T: Send + Sync + 'static> Sealed for super::LocalKey<super::Context<T>> {}
}
