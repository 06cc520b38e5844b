use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use super::{ConfigError, Secret, Target};

/// The error of a [`Credentials`] provider: whatever its own client returns.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What [`Credentials::fetch`] returns: a user name, if the provider decides that too, and a password.
pub type CredentialsFuture<'a> =
    Pin<Box<dyn Future<Output = Result<(Option<String>, Secret), BoxError>> + Send + 'a>>;

/// Where a password comes from that expires: asked once for each new connection.
///
/// For the tokens of managed services (cloud IAM) and for secret stores that have to be called. A password that
/// merely changes in a file needs none of this: `P_PASSWORD_FILE` is read again at each connect.
///
/// The future is awaited within the deadline of the connect. Keep a token as long as it is valid, so that
/// a reconnect needn't wait for the service that issues it. The error's own text is shown to users, so it must hold
/// no secret.
///
/// # Examples
///
/// A closure will do:
///
/// ```
/// use swapplex::config::{BoxError, Credentials, Secret};
///
/// async fn token() -> Result<String, BoxError> {
///     Ok("issued a moment ago".to_owned())
/// }
///
/// let provider = || async { Ok((Some("app".to_owned()), Secret::from(token().await?))) };
/// let shared: std::sync::Arc<dyn Credentials> = std::sync::Arc::new(provider);
/// # let _ = shared;
/// ```
pub trait Credentials: Send + Sync + 'static {
    /// Fetches what to authenticate with now; `None` as the user name keeps the configured one.
    fn fetch(&self) -> CredentialsFuture<'_>;
}

impl<F, Fut> Credentials for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(Option<String>, Secret), BoxError>> + Send + 'static,
{
    fn fetch(&self) -> CredentialsFuture<'_> {
        Box::pin(self())
    }
}

impl Target {
    /// Replaces the credentials by those that the provider gives now.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Credentials`], with the provider's own error as source.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost but the provider's work when the future is dropped.
    pub async fn authenticate(self, credentials: &dyn Credentials) -> Result<Self, ConfigError> {
        let (username, password) = credentials
            .fetch()
            .await
            .map_err(|error| ConfigError::Credentials { cause: error.into() })?;
        Ok(self.with_credentials(username.as_deref(), &password))
    }

    /// Replaces the password, and the user name if one is given.
    #[must_use]
    pub fn with_credentials(mut self, username: Option<&str>, password: &Secret) -> Self {
        let mut settings = self.info.redis_settings().clone().set_password(password.expose());
        if let Some(username) = username {
            settings = settings.set_username(username);
        }
        self.info = self.info.set_redis_settings(settings);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    fn target() -> Target {
        let source = Source::url("redis://configured:old@db").expect("a valid URL");
        source.load().expect("a URL given in code needs nothing else")
    }

    #[tokio::test]
    async fn a_provider_replaces_the_password_and_keeps_the_user_that_it_leaves_out() {
        let provider = || async { Ok((None, Secret::new("fresh"))) };
        let target = target()
            .authenticate(&provider)
            .await
            .expect("the provider succeeds");
        assert_eq!(target.info.redis_settings().username(), Some("configured"));
        assert_eq!(target.info.redis_settings().password(), Some("fresh"));
    }

    #[tokio::test]
    async fn a_provider_may_name_the_user_too() {
        let provider = || async { Ok((Some("issued".to_owned()), Secret::new("fresh"))) };
        let target = target()
            .authenticate(&provider)
            .await
            .expect("the provider succeeds");
        assert_eq!(target.info.redis_settings().username(), Some("issued"));
    }

    #[tokio::test]
    async fn the_error_of_a_provider_is_kept() {
        let provider = || async { Err::<(Option<String>, Secret), BoxError>("token service is down".into()) };
        let error = target()
            .authenticate(&provider)
            .await
            .expect_err("the provider fails");
        assert_eq!(
            error.to_string(),
            "the credentials provider failed: token service is down"
        );
        assert!(
            matches!(error, ConfigError::Credentials { cause } if cause.to_string() == "token service is down")
        );
    }
}
